# The device code as OpenCL C without directives for files, so that the extension can carry it and the driver compile
# it: kernels.cl, embedded by program.c. Needs nothing but the C compiler.

OPENCL_SOURCE := $(BUILD)/kernels/opencl/kernels.cl

$(OPENCL_SOURCE): kernels/device/kernels.c kernels/opencl/rules.mk
	@mkdir -p $(@D)
	$(CC) -E -P -x c -std=c11 -undef -nostdinc -DDG_OPENCL -MMD -MP -MT $@ -MF $@.d $< -o $@.tmp
	sed 's/^ *//; s/  */ /g; s/ *\([][,;(){}?:=]\) */\1/g' $@.tmp >$@
	rm $@.tmp

$(BUILD)/kernels/opencl/program.o: ROOM_CFLAGS := -DDG_OPENCL_SOURCE='"$(OPENCL_SOURCE)"'
$(BUILD)/kernels/opencl/program.o: $(OPENCL_SOURCE)
