# dupgpu. `make demo` and `make test` are all a newcomer needs; README.md tells the rest.
#
#   make            build/dupgpu.so
#   make demo       install what is missing, build, find duplicates in a folder of real pictures
#   make test       install what is missing, run every test; `make test SAN=1` runs them under ASan and UBSan
#   make bench      ratios against peers and limits, in one run
#   make peers      quality and PDQ against OpenCV and pdqhash, which it downloads
#   make fuzz       the fuzzers, FUZZ_SECONDS=600 each
#   make spark      the recipe for Apache Spark, run for real
#   make install    PREFIX (/usr), LIBDIR and DESTDIR are honoured; make uninstall removes all of it
#   make dist       dist/dupgpu-VERSION.tar.gz from the committed tree
#   make format     clang-format over the tree
#
# One rule builds every object; the rooms differ only in the flags named below. Set WERROR= to let warnings pass.

VERSION := $(shell sed -n 's/^\#define DUPGPU_VERSION "\(.*\)"/\1/p' ext/dupgpu.h)
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

CC      ?= cc
PYTHON  ?= /usr/bin/python3
SAN     ?=
BUILD   ?= build$(if $(SAN),/san)
WERROR  ?= -Werror
OPT     ?= -O2 -g

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
comma   := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)

ALL_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden -ffp-contract=off $(WARN) $(OPT) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(SANFLAGS) -Wl,-z,now,-z,relro,-z,nodelete,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIBS    := -ljpeg -lpng -lz -lm -fopenmp

KERNELS := $(wildcard kernels/*.c $(foreach room,engine cpu gpu cuda opencl image,kernels/$(room)/*.c))
EXTENSION := $(wildcard ext/*.c vtab/*.c)
REFERENCE := $(wildcard kernels/reference/*.c)
CORE_TESTS := $(patsubst tests/core/%.c,$(BUILD)/tests/%,$(wildcard tests/core/test_*.c))
CORE_HELPERS := $(filter-out tests/core/test_%,$(wildcard tests/core/*.c))

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

.PHONY: all demo test bench peers spark install uninstall clean dist format deps core-tests
all: $(BUILD)/dupgpu.so

$(BUILD)/dupgpu.so: $(call objects,$(KERNELS) $(EXTENSION))
	$(CC) -shared -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ROOM_CFLAGS) -MMD -MP -c -o $@ $<

# OpenMP lives in kernels/cpu only.
$(BUILD)/kernels/cpu/%.o: ROOM_CFLAGS := -fopenmp $(if $(SAN),-O1,-O3)
# For processors without popcnt, which are older than 2008: small rather than fast.
$(BUILD)/kernels/cpu/sieve_portable.o: ROOM_CFLAGS := -fopenmp $(if $(SAN),-O1,-Os)
# gcc's SLP vectoriser would form fused multiply-adds in the DCT, which changes hashes.
$(BUILD)/kernels/image/%.o: ROOM_CFLAGS := -O3 -fno-tree-slp-vectorize
# What is called once a statement is small rather than fast.
$(BUILD)/ext/%.o: ROOM_CFLAGS := $(if $(SAN),,-Os)
$(BUILD)/ext/fn_hamming.o: ROOM_CFLAGS :=
$(BUILD)/ext/fn_info.o: ROOM_CFLAGS := -DDUPGPU_COMMIT='"$(COMMIT)"'
$(BUILD)/ext/fn_info.o: $(wildcard .git/logs/HEAD)

# C tests: each file in tests/core is a cmocka program over the kernels and the reference, without SQLite.
core-tests: $(CORE_TESTS)
.SECONDARY:
$(BUILD)/tests/%: $(BUILD)/tests/core/%.o $(call objects,$(CORE_HELPERS) $(KERNELS) $(REFERENCE))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS) -lcmocka

# The extension for programs that link it in (-DSQLITE_CORE).
STATIC_EXTENSION := $(patsubst %.c,$(BUILD)/static/%.o,$(EXTENSION))
$(BUILD)/static/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DSQLITE_CORE -MMD -MP -c -o $@ $<

# The join engine without SQLite, for measuring.
$(BUILD)/bench/join_engine: $(BUILD)/tests/bench/join_engine.o $(BUILD)/tests/core/columns.o $(call objects,$(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# Hashing beside bare decoding.
$(BUILD)/bench/hash_decode: $(BUILD)/tests/bench/hash_decode.o $(call objects,$(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# Line pictures without SQLite.
$(BUILD)/bench/line_draw: $(BUILD)/tests/bench/line_draw.o $(call objects,$(KERNELS))
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# Rooms with rules of their own: the images of the device code, the drivers made for tests.
include $(wildcard kernels/*/rules.mk tests/*/rules.mk)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf build dist

# Installs what is missing on Debian; each target below asks for its own part.
deps:
	tests/deps.sh build test demo bench

# Everything that is tested runs under one pytest: the C programs plainly and under sanitizers, the SQL, the rules of
# the house, equality with ImageHash. TESTS=tests/sql picks a part. With SAN=1 the host process and the extension run
# under ASan and UBSan as well, and only that build is tested.
TESTS ?= tests
JOBS  ?= $(shell nproc 2>/dev/null || echo 2)
test:
	tests/deps.sh build test
	$(MAKE) -j$(JOBS) all core-tests
	$(if $(SAN),,$(MAKE) -j$(JOBS) SAN=1 all core-tests)
	$(if $(SAN),,$(MAKE) -j$(JOBS) fuzzers)
	PYTHON=$(PYTHON) tests/venv.sh build/venv tests/requirements.txt
	env DUPGPU_BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 \
	    $(if $(SAN),LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0) \
	    build/venv/bin/python -m pytest -n $(JOBS) --dist worksteal $(TESTS)

# Quality against OpenCV and PDQ against pdqhash, over all real pictures.
peers:
	tests/deps.sh build test peers
	$(MAKE) -j$(JOBS) all
	PYTHON=$(PYTHON) tests/venv.sh build/peers-venv tests/requirements.txt tests/peers.txt
	env DUPGPU_BUILD=$(BUILD) build/peers-venv/bin/python -m pytest -s tests/conformance/test_peers.py

# The recipe for Apache Spark, in local mode; it needs a Java runtime and downloads 300 MB. Not part of `make test`.
spark:
	tests/deps.sh build test spark
	$(MAKE) -j$(JOBS) all
	PYTHON=$(PYTHON) tests/venv.sh build/spark-venv tests/spark.txt
	PYTHON=$(PYTHON) tests/venv.sh build/venv tests/requirements.txt
	env DUPGPU_BUILD=$(BUILD) build/venv/bin/python -m pytest tests/sql/test_shards.py -k pyspark

demo:
	tests/deps.sh build demo
	$(MAKE) -j$(JOBS) all
	tests/demo.sh build/demo $(BUILD)/dupgpu

BENCH ?= $(wildcard $(addprefix tests/bench/,join.py field.py nearest.py index.py hash.py bulk.py lines.py))
bench:
	tests/deps.sh build bench
	$(MAKE) -j$(JOBS) all
	PYTHON=$(PYTHON) tests/venv.sh build/bench-venv tests/requirements.txt tests/bench/requirements.txt
	build/bench-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps imagededup==0.3.3.post2
	set -e; for program in $(BENCH); do build/bench-venv/bin/python $$program; done

# The dynamic loader finds a bare "dupgpu" only in its system folders, so PREFIX is /usr and LIBDIR the multiarch folder
# where the compiler has one. /usr/local/lib would not do: ldconfig lists lib*.so only.
PREFIX     ?= /usr
MULTIARCH   = $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR     ?= $(PREFIX)/lib$(addprefix /,$(MULTIARCH))
INCLUDEDIR ?= $(PREFIX)/include
SHAREDIR   ?= $(PREFIX)/share/dupgpu

define PKGCONFIG
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(INCLUDEDIR)
extension=$${libdir}/dupgpu.so
scripts=$(SHAREDIR)

Name: dupgpu
Description: SQLite extension that finds near-duplicate images
Version: $(VERSION)
Cflags: -I$${includedir}
endef
export PKGCONFIG

install: all
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(SHAREDIR)
	install -m 644 $(BUILD)/dupgpu.so $(DESTDIR)$(LIBDIR)
	printf '%s\n' "$$PKGCONFIG" >$(DESTDIR)$(LIBDIR)/pkgconfig/dupgpu.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/dupgpu.pc
	install -m 644 ext/dupgpu.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 sql/*.sql $(DESTDIR)$(SHAREDIR)
	install -m 755 sql/*.sh sql/*.py $(DESTDIR)$(SHAREDIR)

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/dupgpu.so $(DESTDIR)$(LIBDIR)/pkgconfig/dupgpu.pc $(DESTDIR)$(INCLUDEDIR)/dupgpu.h
	rm -rf $(DESTDIR)$(SHAREDIR)

dist:
	@mkdir -p dist
	git archive --format=tar.gz --prefix=dupgpu-$(VERSION)/ -o dist/dupgpu-$(VERSION).tar.gz HEAD
	@echo dist/dupgpu-$(VERSION).tar.gz

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: FORCE
FORCE:
