# Programs over the kernels with a list of backends of their own, in which one fails when told to.
PLACE_KERNELS := $(filter-out kernels/registry.c kernels/engine/selftest.c kernels/engine/calibrate.c,$(KERNELS))
core-tests: $(BUILD)/tests/test_place_faults $(BUILD)/tests/test_hashing $(BUILD)/tests/test_drawing
$(BUILD)/tests/test_place_faults: $(call objects,tests/place/test_place_faults.c tests/place/faulty.c \
    tests/fault/memory.c tests/place/registry.c tests/place/unproven.c $(CORE_HELPERS) $(REFERENCE) $(PLACE_KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(WRAP_MEMORY) $(LIBS) -lcmocka
$(BUILD)/tests/test_hashing $(BUILD)/tests/test_drawing: $(BUILD)/tests/%: $(BUILD)/tests/place/%.o $(EMULATOR) \
    $(call objects,tests/fault/memory.c tests/place/emulated.c tests/place/unproven.c $(PLACE_KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(WRAP_MEMORY) $(LIBS) -lcmocka
