# The OpenCL library made for tests, and the programs that use it. The real library is found by its full path when the
# proxy is built: by name it would find itself.

OPENCL_PROXY := $(BUILD)/tests/opencl/libOpenCL.so.1
OPENCL_TESTS := $(patsubst tests/opencl/%.c,$(BUILD)/tests/%,$(wildcard tests/opencl/test_*.c))

OPENCL_ERRAND := $(call objects,tests/opencl/errand.c tests/device/side_by_side.c tests/core/columns.c)

core-tests: $(OPENCL_TESTS) $(BUILD)/tests/opencl_look $(BUILD)/tests/opencl_exercise

$(BUILD)/tests/opencl/proxy.o: ROOM_CFLAGS = -DDG_REAL_OPENCL='"$(shell $(CC) -print-file-name=libOpenCL.so.1)"'
$(OPENCL_PROXY): $(BUILD)/tests/opencl/proxy.o
	$(CC) -shared -o $@ $^ -Wl,-soname,libOpenCL.so.1 $(SANFLAGS) -ldl -pthread

$(OPENCL_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/opencl/%.o $(OPENCL_PROXY) $(BUILD)/tests/emulator/emulator.o \
    $(OPENCL_ERRAND) $(call objects,tests/device/picture_check.c tests/device/line_check.c $(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/opencl' $(LIBS) -lcmocka

$(BUILD)/tests/opencl_%: $(BUILD)/tests/opencl/%.o $(OPENCL_ERRAND) $(call objects,$(KERNELS)) | $(OPENCL_PROXY)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)
