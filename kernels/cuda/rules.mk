# The image of the device code. CUDA=nvcc, clang or none instead of auto says how it is made; NVCC= and CLANG= by what.
CUDA  ?= auto
NVCC  ?= $(or $(shell command -v nvcc 2>/dev/null),$(wildcard /usr/local/cuda/bin/nvcc))
CLANG ?= $(shell command -v clang 2>/dev/null)

# One for the plain and the sanitised build.
CUDA_FOLDER := build/cuda

$(CUDA_FOLDER)/way: FORCE
	@mkdir -p $(@D)
	@echo '$(CUDA) $(NVCC) $(CLANG)' | cmp -s - $@ || echo '$(CUDA) $(NVCC) $(CLANG)' >$@

$(CUDA_FOLDER)/image: $(CUDA_FOLDER)/way kernels/cuda/image.sh $(wildcard kernels/device/*)
	@NVCC='$(NVCC)' CLANG='$(CLANG)' kernels/cuda/image.sh $(@D) $(CUDA) kernels/device/kernels.c

$(BUILD)/kernels/cuda/image.o: $(CUDA_FOLDER)/image
$(BUILD)/kernels/cuda/image.o: ROOM_CFLAGS := -DDG_CUDA_IMAGE='"$(CUDA_FOLDER)/image"' \
    -DDG_CUDA_TARGETS='"$(CUDA_FOLDER)/targets"'
