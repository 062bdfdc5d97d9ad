# Programs for a machine with a GPU, and a folder that carries them there with all they need but libc and the driver.
GPU_BUNDLE ?= $(BUILD)/gpu-bundle
GPU_WORK := $(call objects,tests/gpu/work.c tests/device/picture_check.c)
GPU_PROGRAMS := $(BUILD)/tests/test_gpu $(BUILD)/tests/test_join $(BUILD)/bench/rates $(BUILD)/bench/join_engine \
    $(BUILD)/bench/nearest_engine

# DT_RPATH, which counts for dlopen also where a sanitizer stands between.
core-tests: $(GPU_PROGRAMS)
$(BUILD)/tests/test_gpu: $(BUILD)/tests/gpu/test_gpu.o $(GPU_WORK) $(call objects,$(CORE_HELPERS) $(KERNELS)) | fake
	@mkdir -p $(@D)
	$(CC) -o $@ $(filter %.o,$^) $(ALL_LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/fake' $(LIBS) -lcmocka
$(BUILD)/bench/rates: $(BUILD)/tests/gpu/rates.o $(call objects,tests/core/columns.c $(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

.PHONY: gpu-bundle gpu-check
gpu-bundle: $(BUILD)/dupgpu.so $(GPU_PROGRAMS)
	tests/gpu/bundle.sh '$(GPU_BUNDLE)' $^

# Where nothing can be built, with the bundle that was brought along.
gpu-check:
	if command -v $(CC) >/dev/null; then $(MAKE) gpu-bundle; fi
	sh tests/gpu/check.sh build/gpu-report.md
