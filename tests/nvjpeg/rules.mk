# libnvjpeg on libjpeg and the libcuda.so.1 of tests/fake, and the comparison with the toolkit's header.
NVJPEG_FAKE := $(BUILD)/tests/nvjpeg/libnvjpeg.so.13
core-tests: $(NVJPEG_FAKE) $(BUILD)/tests/test_nvjpeg $(BUILD)/tests/test_nvjpeg_header

$(NVJPEG_FAKE): $(BUILD)/tests/nvjpeg/fake.o $(FAKE)/libcuda.so.1
	$(CC) -shared -o $@ $< $(ALL_LDFLAGS) -Wl,-soname,libnvjpeg.so.13 -L$(FAKE) -l:libcuda.so.1 -ljpeg -lpthread

# DT_RPATH, which counts for dlopen also where a sanitizer stands between.
$(BUILD)/tests/test_nvjpeg: $(call objects,tests/nvjpeg/test_nvjpeg.c tests/fault/memory.c $(KERNELS)) $(NVJPEG_FAKE)
	$(CC) -o $@ $(filter %.o,$^) $(ALL_LDFLAGS) $(WRAP_MEMORY) -L$(FAKE) -l:libcuda.so.1 -L$(dir $(NVJPEG_FAKE)) -l:libnvjpeg.so.13 \
	    -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/fake:$$ORIGIN/nvjpeg' $(LIBS) -lcmocka

$(BUILD)/tests/test_nvjpeg_header: $(BUILD)/tests/nvjpeg/test_nvjpeg_header.o
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lcmocka
# NVJPEG_INCLUDE names the folder of nvjpeg.h where the toolkit has none.
$(BUILD)/tests/nvjpeg/test_nvjpeg_header.o: ROOM_CFLAGS := $(addprefix -isystem ,$(wildcard $(dir $(NVCC))../include) \
    $(NVJPEG_INCLUDE))
