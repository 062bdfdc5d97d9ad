# Nearest rows and histograms without SQLite, for measuring.
$(BUILD)/bench/nearest_engine: $(BUILD)/tests/bench/nearest_engine.o $(BUILD)/tests/core/columns.o $(call objects,$(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)
