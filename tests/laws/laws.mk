# SPDX-License-Identifier: MIT
#
# What tests/laws/run plays: a program from each source, in both libcs, the libraries that stand
# beside the shim, and broken.c once for each law that it can break. Included by the Makefile.
law_names := $(filter-out %/everywhere.c %/broken.c %/audit.c %/slow.c,$(wildcard tests/laws/*.c))
law_out   := $(BUILD)/tests/laws
law_musl  := $(if $(shell command -v $(MUSL_CC)),$(law_names:tests/laws/%.c=$(law_out)/musl/%))
law_parts := $(law_out)/shifted.so $(law_names:%.c=$(BUILD)/%) $(law_musl) $(law_out)/everywhere.so \
	     $(law_out)/everywhere-first.so $(law_out)/slow.so $(law_out)/audit.so $(law_out)/confined-asan \
	     $(patsubst %,$(law_out)/broken-%.so,$(shell \
		sed -n 's/^\#ifdef BREAK_\([A-Z_]*\).*/\1/p' tests/laws/broken.c 2>/dev/null | sort -u))
preload   += $(law_parts)

# Rules here come before the Makefile's first, which must stay the one that is made by default.
.DEFAULT_GOAL := all

$(law_out)/static: LAW = -static
$(law_out)/musl/static: LAW = -static
$(law_out)/everywhere-first.so $(law_out)/slow.so: LAW = -Wl,-z,initfirst
$(law_out)/confined-asan: LAW = -fsanitize=address

$(law_out)/%: tests/laws/%.c tests/laws/laws.h $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -pthread $(LAW)

$(law_out)/musl/%: tests/laws/%.c tests/laws/laws.h
	$(call say,MUSL,$@)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -o $@ $< -pthread $(LAW)

$(law_out)/confined-asan: tests/laws/confined.c tests/laws/laws.h $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -pthread $(LAW)

$(law_out)/%.so $(law_out)/%-first.so: tests/laws/%.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -shared -fPIC -pthread $(LAW)

# The shim, as linkers make it that begin the writable segment in the middle of a page.
$(law_out)/shifted.so: $(call pic,$(inner) $(shim)) src/shim/export.map
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(library) -Wl,-z,initfirst,-z,norelro,--section-start=.init_array=0x100e00

$(law_out)/broken-%.so: tests/laws/broken.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(program) -shared -fPIC -DBREAK_$* -ldl -pthread
