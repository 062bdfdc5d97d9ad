# For programs that link memory.c: every allocation is under its control.
WRAP_MEMORY := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free

core-tests: $(BUILD)/tests/test_faults $(BUILD)/tests/test_device_faults
$(BUILD)/tests/test_faults: $(call objects,tests/fault/test_faults.c tests/fault/memory.c $(KERNELS)) $(STATIC_EXTENSION)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(WRAP_MEMORY) $(LIBS) -lsqlite3 -lcmocka

# The extension linked in (-DSQLITE_CORE), beside drivers that fail.
FAULT_CUDA_OBJECTS := $(call objects,$(filter-out kernels/engine/selftest.c kernels/engine/calibrate.c,$(KERNELS)))
$(BUILD)/tests/test_device_faults: $(call objects,tests/fault/test_device_faults.c tests/place/unproven.c) $(STATIC_EXTENSION) $(FAULT_CUDA_OBJECTS) \
    $(FAKE)/libcuda.so.1
	$(CC) -o $@ $(filter %.o,$^) $(ALL_LDFLAGS) $(WITH_FAKE) $(LIBS) -lsqlite3 -lcmocka
