# Tests of the device code and of kernels/gpu on the emulator.
EMULATOR := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/emulator/*.c))
DEVICE_TESTS := $(patsubst tests/device/%.c,$(BUILD)/tests/%,$(wildcard tests/device/test_*.c))
DEVICE_HELPERS := $(filter-out tests/device/test_%,$(wildcard tests/device/*.c)) tests/core/columns.c

# Code that counts bits all day, for the host that runs the tests.
$(BUILD)/tests/emulator/%.o: ROOM_CFLAGS := -O2

core-tests: $(DEVICE_TESTS)
$(DEVICE_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/device/%.o $(EMULATOR) $(call objects,$(DEVICE_HELPERS) $(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS) -lcmocka
