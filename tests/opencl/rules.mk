# The OpenCL library made for tests, and the programs that use it. The real library is found by its full path when the
# proxy is built: by name it would find itself.

OPENCL_PROXY := $(BUILD)/tests/opencl/libOpenCL.so.1
OPENCL_TESTS := $(patsubst tests/opencl/%.c,$(BUILD)/tests/%,$(wildcard tests/opencl/test_*.c))

core-tests: $(OPENCL_TESTS) $(BUILD)/tests/opencl_look

$(BUILD)/tests/opencl/proxy.o: ROOM_CFLAGS = -DDG_REAL_OPENCL='"$(shell $(CC) -print-file-name=libOpenCL.so.1)"'
$(OPENCL_PROXY): $(BUILD)/tests/opencl/proxy.o
	$(CC) -shared -o $@ $^ -Wl,-soname,libOpenCL.so.1 $(SANFLAGS) -ldl -pthread

$(OPENCL_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/opencl/%.o $(OPENCL_PROXY) $(BUILD)/tests/emulator/emulator.o \
    $(call objects,$(CORE_HELPERS) $(KERNELS) $(REFERENCE))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/opencl' $(LIBS) -lcmocka

$(BUILD)/tests/opencl_look: $(BUILD)/tests/opencl/look.o $(OPENCL_PROXY) $(call objects,$(KERNELS))
	$(CC) -o $@ $(filter %.o,$^) $(ALL_LDFLAGS) $(LIBS)
