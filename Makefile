# SPDX-License-Identifier: MIT
#
# One makefile for people, packagers and CI.  `make help` lists the targets.
#
# The idea: sources are found by wildcard, so a new file needs no line here, and every object lives
# under $(BUILD), in the tree of what it is for: pic/ for the preload library, obj/ for programs.
# The invariant: $(SHIM_MUST) comes after the user's flags.  The library is linked against nothing,
# and a distribution's hardening flags would give it symbols that no libc-free object may need.

# What packagers set ------------------------------------------------------------------------------
CC        ?= cc
CFLAGS    ?= -O2 -g
CPPFLAGS  ?=
LDFLAGS   ?=
PREFIX    ?= /usr/local
BINDIR    ?= $(PREFIX)/bin
LIBDIR    ?= $(PREFIX)/lib/sendfin
MANDIR    ?= $(PREFIX)/share/man
DOCDIR    ?= $(PREFIX)/share/doc/sendfin
MUSL_CC   ?= musl-gcc
FUZZ_CC   ?= clang
# SAN=address,undefined builds the command and the unit tests so, in a tree of their own.
SAN       ?=

comma     := ,
BUILD     ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
SUITES    ?= $(if $(SAN),unit,lint unit lines stress model shim laws talk trace debug examples cli \
	     view preload cost bench real)
DEPS_BUILD = build-essential uthash-dev libunwind-dev libdw-dev libjson-c-dev
DEPS_CHECK = clang clang-format cppcheck shellcheck mandoc libcmocka-dev musl-tools valgrind \
	     strace iproute2 python3 perl procps util-linux spin gdb fakeroot faketime \
	     libeatmydata1 libjemalloc2 dash
DEPS_REAL  = openssh-server openssh-client vsftpd apache2-bin postgresql openbsd-inetd socat nginx \
	     python3 perl strace

Q         := $(if $(filter 1,$(V)),,@)
say        = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')
export BUILD V

# Flags -------------------------------------------------------------------------------------------
WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	     $(if $(filter 1,$(WERROR)),-Werror)
COMMON    := -std=gnu11 -D_GNU_SOURCE $(WARN) -MMD -MP
ROOMS     := -Iinclude -Isrc
SANFLAGS  := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
MACHINE   := $(shell $(CC) -dumpmachine)
ARCH_x86_64  := -fcf-protection=full
ARCH_aarch64 := -mbranch-protection=standard -mno-outline-atomics
SHIM_FLAGS := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fexceptions \
	     -fasynchronous-unwind-tables -fno-plt -fno-tree-vectorize -fstack-usage \
	     $(ARCH_$(firstword $(subst -, ,$(MACHINE))))
SHIM_MUST := -U_FORTIFY_SOURCE -U_FILE_OFFSET_BITS -fno-stack-protector -fno-lto
SHIM_LINK := -shared -nostdlib -nostartfiles -Wl,-z,nodelete,-z,now,-z,relro,-z,noexecstack \
	     -Wl,-z,noseparate-code -Wl,--version-script=src/shim/export.map \
	     -Wl,--exclude-libs,ALL

compile    = $(CC) $(COMMON) $(ROOMS) $(CPPFLAGS) $(CFLAGS)
link       = mkdir -p $(@D) && $(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^
library    = $(CC) $(CFLAGS) $(SHIM_FLAGS) $(SHIM_MUST) $(LDFLAGS) $(SHIM_LINK) -o $@ \
	     $(filter %.o,$^)
# A whole small program from its one source.
program    = $(CC) $(COMMON) $(CPPFLAGS) $(CFLAGS) -MT $@ -MF $@.d $(LDFLAGS) -o $@ $<

# What there is -----------------------------------------------------------------------------------
inner     := $(wildcard src/core/*.c src/sys/*.c src/ledger/*.c)
trace     := $(wildcard src/shim/trace*.c)
shim      := $(filter-out $(trace),$(wildcard src/shim/*.c src/shim/*.S))
cli       := $(wildcard src/cli/*.c)
units     := $(wildcard tests/unit/test_*.c)
unit_help := $(filter-out $(units),$(wildcard tests/unit/*.c))
obj        = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
pic        = $(patsubst %,$(BUILD)/pic/%.o,$(basename $(1)))

LIB       := $(if $(shim),$(BUILD)/libsendfin.so) $(if $(trace),$(BUILD)/libsendfin-trace.so)
CMD       := $(if $(cli),$(BUILD)/sendfin)
EXAMPLES  := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
UNITS     := $(patsubst %.c,$(BUILD)/%,$(units))
victims   := $(wildcard tests/shim/victim/*.c)
preload   := $(if $(wildcard tests/shim/*.c),$(BUILD)/tests/shim/run) \
	     $(if $(victims),$(BUILD)/tests/shim/victim) \
	     $(if $(victims),$(if $(shell command -v $(MUSL_CC)),$(BUILD)/tests/shim/victim-musl)) \
	     $(patsubst %.c,$(BUILD)/%,$(wildcard tests/shim/special/*.c)) \
	     $(if $(wildcard tests/talk/*.c),$(BUILD)/tests/talk/run) \
	     $(patsubst %.c,$(BUILD)/%,$(wildcard tests/talk/server/*.c tests/debug/*.c)) \
	     $(if $(wildcard tests/trace/*.c),$(BUILD)/tests/trace/libsendfin.so)
-include $(wildcard tests/laws/laws.mk)
fixture   := $(if $(wildcard tests/view/fixture.c),$(BUILD)/tests/view/fixture)
TESTS     := $(UNITS) $(fixture) $(if $(SAN),,$(preload))
FUZZERS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests deps demo check check-real lint bench bench-long fuzz install uninstall \
	check-install clean help FORCE

all: $(LIB) $(CMD) $(EXAMPLES) ## build the libraries, the command and the examples

tests: $(TESTS) ; @:

# Objects and programs ----------------------------------------------------------------------------
# Changed flags rebuild what was built with them; an unchanged stamp keeps its date.
$(BUILD)/flags: export STAMP = $(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_FLAGS)
$(BUILD)/libdir: export STAMP = $(LIBDIR)
$(BUILD)/flags $(BUILD)/libdir: FORCE
	@mkdir -p $(@D); echo "$$STAMP" | cmp -s - $@ || echo "$$STAMP" >$@

# The command knows where the library was installed.
$(call obj,$(cli)): ROOMS += -DSENDFIN_LIBDIR='"$(LIBDIR)"'
$(call obj,$(cli)): $(BUILD)/libdir

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) $(SANFLAGS) -c -o $@ $<

$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	$(call say,CC pic,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) $(SHIM_FLAGS) $(SHIM_MUST) -c -o $@ $<

$(BUILD)/pic/%.o: %.S $(BUILD)/flags
	$(call say,AS pic,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) $(SHIM_FLAGS) $(SHIM_MUST) -c -o $@ $<

# What runs at start-up, to report, or hardly ever, is linked last: the kernel maps the text
# around a fault, 64 KiB that begin at a multiple of that, and all that a forked child of a
# server runs then lies in one such piece.
rare      := $(addprefix src/core/,json line line_json proctext settings summary text) \
	     $(addprefix src/ledger/,events segment sites source) $(addprefix src/shim/,bynumber \
	     capture_enter early early_call early_libc handover hook_dup hook_exec hook_spawn \
	     hook_start hook_stdio hook_syscall image init known readable real report stream \
	     symbols tree_image)
ordered    = $(filter-out $(addsuffix .%,$(rare)),$(1)) $(filter $(addsuffix .%,$(rare)),$(1))

$(BUILD)/libsendfin.so: $(call pic,$(call ordered,$(inner) $(shim))) src/shim/export.map Makefile
	$(call say,LD,$@)
	$(Q)$(library) -Wl,-z,initfirst,-z,norelro

# Debug mode's backtraces: all that knows libunwind, in its form for any process of this machine.
$(BUILD)/libsendfin-trace.so: $(call pic,$(trace)) src/shim/export.map
	$(call say,LD,$@)
	$(Q)$(library) -lunwind-$(firstword $(subst -, ,$(MACHINE)))

$(BUILD)/sendfin: $(call obj,$(inner) $(cli))
	$(call say,LD,$@)
	$(Q)$(link) -ldw -ljson-c

$(BUILD)/examples/%: examples/%.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program)

# Tests -------------------------------------------------------------------------------------------
# The wrap puts every cmocka test in a process of its own: tests/unit/isolate.c.
$(BUILD)/tests/unit/test_%: $(BUILD)/obj/tests/unit/test_%.o $(call obj,$(unit_help) $(inner))
	$(call say,LD,$@)
	$(Q)$(link) -Wl,--wrap=_cmocka_run_group_tests -lcmocka

# Its anchor is found as the library's is: among the dynamic symbols.
$(BUILD)/tests/view/fixture: $(call obj,tests/view/fixture.c $(inner))
	$(call say,LD,$@)
	$(Q)$(link) -rdynamic -Wl,--build-id

$(BUILD)/tests/shim/run: $(call obj,$(wildcard tests/shim/*.c))
	$(call say,LD,$@)
	$(Q)$(link) -pthread

$(BUILD)/tests/shim/victim: $(call obj,$(victims))
	$(call say,LD,$@)
	$(Q)$(link) -pthread -lutil

$(BUILD)/tests/shim/victim-musl: $(victims) $(wildcard tests/shim/*.h tests/shim/*/*.h)
	$(call say,MUSL,$@)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -o $@ $(victims) -pthread -lutil

$(BUILD)/tests/shim/special/%: tests/shim/special/%.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -Iinclude -O2 -D_FORTIFY_SOURCE=2 -pthread

$(BUILD)/tests/talk/run: $(call obj,$(wildcard tests/talk/*.c))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -pthread

$(BUILD)/tests/talk/server/%: tests/talk/server/%.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -pthread

# The library with a probe in it, and beside it, where it is looked for, the trace library.
$(BUILD)/tests/trace/libsendfin.so: $(call pic,$(inner) $(shim) $(wildcard tests/trace/*.c)) \
		src/shim/export.map $(BUILD)/libsendfin-trace.so
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(library) -Wl,-z,initfirst && ln -sf ../../libsendfin-trace.so $(@D)/

$(BUILD)/tests/debug/%: tests/debug/%.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(inner) $(wildcard include/sendfin/* src/core/*.h)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(ROOMS) -O1 -g -o $@ $(filter %.c,$^) \
		-fsanitize=fuzzer,address,undefined

# What people type --------------------------------------------------------------------------------
deps: ## install the Debian packages that building and checking need
	@.ci/deps $(DEPS_BUILD) $(DEPS_CHECK)

demo: ## a leaky server, bare and under the shim, side by side
	@.ci/deps $(DEPS_BUILD)
	@$(MAKE) --no-print-directory all
	@$(BUILD)/examples/demo $(BUILD)/libsendfin.so $(BUILD)/examples/leaky_echo

check: ## install what is missing, build, run every test (SUITES="lint unit shim ..." runs some)
	@$(MAKE) --no-print-directory deps
	@$(if $(filter real,$(SUITES)),.ci/deps $(DEPS_REAL))
	@$(MAKE) --no-print-directory -k all tests && broken= || broken=build; \
		tests/run-suites $$broken $(SUITES)

check-real: ## the suite `real` alone: installs daemons, and plays them bare and under the shim
	@.ci/deps $(DEPS_REAL)
	@$(MAKE) --no-print-directory all
	@tests/run-suites real

lint: all ## style, static analysis, and the checks of the rooms: layers, purity, symbols
	@tests/lint/run

bench: all ## count instructions, measure costs
	@if [ -x bench/run ]; then bench/run; else echo 'bench: nothing to measure yet'; fi

bench-long: all ## a leaky server for CONNECTIONS=1000000: nothing may grow
	@bench/long $(CONNECTIONS)

fuzz: $(FUZZERS) ## fuzz each parser for FUZZ_SECONDS=10
	@$(if $(FUZZERS),,echo 'fuzz: no fuzzers yet')
	@for f in $(FUZZERS); do $$f -max_total_time=$(or $(FUZZ_SECONDS),10) || exit 1; done

places = DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' MANDIR='$(MANDIR)' \
	 DOCDIR='$(DOCDIR)'

install: all ## install below $(DESTDIR)$(PREFIX)
	@$(places) .ci/install install

uninstall: ## remove exactly what install put there
	@$(places) .ci/install uninstall

check-install: all ## install into an empty place, run from there, uninstall, look for leftovers
	@MAKE='$(MAKE)' .ci/install check

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
	@echo; echo 'Variables: CC CFLAGS SAN=address,undefined WERROR=1 V=1 PREFIX DESTDIR'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
