# libcuda.so.1 on host memory, and the programs that test against it. `old` is one that lacks a function.
FAKE := $(BUILD)/tests/fake
FAKE_TESTS := $(patsubst tests/fake/%.c,$(BUILD)/tests/%,$(wildcard tests/fake/test_*.c))
FAKE_OBJECTS := $(call objects,$(filter-out tests/fake/test_%,$(wildcard tests/fake/*.c)) tests/emulator/emulator.c)

.PHONY: fake
fake: $(FAKE)/libcuda.so.1 $(FAKE)/old/libcuda.so.1
core-tests: fake $(FAKE_TESTS)

$(FAKE)/libcuda.so.1: $(FAKE_OBJECTS)
	$(CC) -shared -o $@ $^ $(ALL_LDFLAGS) -Wl,-soname,libcuda.so.1 -lpthread
$(FAKE)/old/libcuda.so.1: $(FAKE_OBJECTS) tests/fake/old.map
	@mkdir -p $(@D)
	$(CC) -shared -o $@ $(FAKE_OBJECTS) $(ALL_LDFLAGS) -Wl,-soname,libcuda.so.1,--version-script=tests/fake/old.map -lpthread

# A program that links the fake and finds it beside itself; dlopen then finds the same.
WITH_FAKE = -L$(FAKE) -l:libcuda.so.1 -Wl,-rpath,'$$ORIGIN/fake'
$(FAKE_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/fake/%.o $(call objects,tests/gpu/work.c $(CORE_HELPERS) $(KERNELS) $(REFERENCE)) $(FAKE)/libcuda.so.1
	$(CC) -o $@ $(filter %.o,$^) $(ALL_LDFLAGS) $(if $(filter %_load,$@),,$(WITH_FAKE)) $(LIBS) -lcmocka

# The toolkit's header, where there is one.
$(BUILD)/tests/fake/test_cuda_header.o: ROOM_CFLAGS := $(addprefix -isystem ,$(wildcard $(dir $(NVCC))../include))
