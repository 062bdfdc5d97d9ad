# The fuzzers: libFuzzer over kernels/image, under ASan and UBSan. `make test` runs each for some seconds, `make fuzz`
# for FUZZ_SECONDS, and keeps what it found in build/fuzz/corpus-NAME; a crash leaves its input in build/fuzz.
FUZZ_SECONDS ?= 600
FUZZ_FLAGS   := -std=gnu11 -g -O1 -ffp-contract=off -fno-sanitize-recover=undefined
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(wildcard kernels/image/*.c) kernels/error.c tests/fuzz/exercise.c)
FUZZERS      := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
.SECONDARY: $(FUZZ_OBJECTS)

build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
$(FUZZERS): build/fuzz/%: build/fuzz/tests/fuzz/%.o $(FUZZ_OBJECTS)
	$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^ -ljpeg -lpng -lz -lm

fuzz: fuzzers
	set -e; cd build/fuzz; for name in $(notdir $(FUZZERS)); do \
	    mkdir -p corpus-$$name; \
	    ./$$name -max_total_time=$(FUZZ_SECONDS) -dict=../../tests/fuzz/picture.dict -max_len=8192 -timeout=20 \
	        -rss_limit_mb=1024 corpus-$$name ../../tests/golden/pictures; \
	done
