# weir: needs GNU make and what ./configure wrote.
#
#   make                  weir, weirctl, man pages, completion
#   make check            every test; CHECK='t/h1/*.t' picks some
#   make check-long       the same, storms at their full size
#   make check-trickle    HTTP/1 over a transport that splits and delays every byte
#   make fuzz             fuzz targets with clang; make fuzz-run runs each
#   make install, uninstall (DESTDIR=...), clean, distclean
#   make format, check-format
#
# BUILD=dir is another build directory, made by ./configure --build-dir=dir.

BUILD ?= build
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
SHELL = /bin/sh

# These need no configuration.
unconfigured := clean distclean format check-format
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(unconfigured),$(MAKECMDGOALS)),all),)
ifeq ($(wildcard $(BUILD)/config.mk),)
$(error run ./configure first$(if $(filter-out build,$(BUILD)), (--build-dir=$(BUILD))))
endif
include $(BUILD)/config.mk

# A new version, or a new configure, is configured again as it was before.
$(BUILD)/config.mk: configure $(wildcard CHANGES)
	$(RECONFIGURE)
endif

# ---------------------------------------------------------------- flags

INCLUDES := -I. -I$(BUILD)
ALL_CPPFLAGS = $(INCLUDES) $(DEFINES) $(LIB_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(OPTIMISE) $(HARDENING) $(SANITIZE) -pthread $(CFLAGS)
ALL_LDFLAGS = $(LINKING) $(LDFLAGS)
COMPILE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)
LINK = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)

FUZZ_CC ?= clang
FUZZ_CFLAGS ?=
FUZZ_SECONDS ?= 60
FUZZ_CHECKS := address,undefined
FUZZ_COMPILE = $(FUZZ_CC) $(INCLUDES) -D_GNU_SOURCE -DWR_FUZZ $(LIB_CFLAGS) -std=gnu11 $(WARNINGS) -O1 -g \
	-fno-omit-frame-pointer -fno-sanitize-recover=undefined -pthread $(FUZZ_CFLAGS)

PROVE ?= prove
PROVEFLAGS ?= -j2
CLANG_FORMAT ?= clang-format
INSTALL ?= install

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $(2)")

# ---------------------------------------------------------------- what there is

SOURCES := $(filter-out $(EXCLUDED),$(sort $(wildcard core/*/*.c modules/*/*.c workers/*.c)))
# The programs' own files; all the others are the library.
CTL_OBJECTS := $(BUILD)/obj/workers/weirctl.o
OBJECTS := $(filter-out $(CTL_OBJECTS),$(SOURCES:%.c=$(BUILD)/obj/%.o)) $(BUILD)/obj/modules.o
LIB_OBJECTS := $(filter-out $(BUILD)/obj/workers/main.o,$(OBJECTS))
LIB := $(BUILD)/libweir.a

UNITS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard t/unit/*.c)))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(filter-out t/lib/transport_% t/lib/module_%,$(sort $(wildcard t/lib/*.c))))
TRICKLE := $(BUILD)/t/weir-trickle
TRICKLE_OBJECTS := $(filter-out %/transport_plain.o,$(OBJECTS)) $(BUILD)/obj/t/lib/transport_trickle.o
WITNESS := $(BUILD)/t/weir-witness
WITNESS_OBJECTS := $(filter-out %/modules.o,$(OBJECTS)) $(BUILD)/obj/t/modules_witness.o \
	$(BUILD)/obj/t/lib/module_witness.o
FUZZ_SOURCES := $(filter-out t/fuzz/replay.c,$(sort $(wildcard t/fuzz/*.c)))
REPLAYS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
FUZZERS := $(FUZZ_SOURCES:t/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJECTS := $(LIB_OBJECTS:$(BUILD)/obj/%=$(BUILD)/fuzz-obj/%)

MAN := $(patsubst man/%,$(BUILD)/man/%,$(sort $(wildcard man/*.8)))
MKMAN :=
ifneq ($(wildcard man/mkman.c),)
MKMAN := $(BUILD)/mkman
MAN += $(patsubst man/%.in,$(BUILD)/man/%,$(sort $(wildcard man/*.in)))
COMPLETION := $(if $(wildcard etc/weir.bash-completion.in),$(BUILD)/etc/weir.bash-completion)
endif
ETC := $(patsubst %,$(BUILD)/%,$(wildcard etc/weir.ini etc/weir.service etc/weir.logrotate etc/weir.sysusers \
	etc/weir.tmpfiles etc/weirctl.bash-completion))

PROGRAM := $(BUILD)/weir
CTL := $(BUILD)/weirctl

.PHONY: all
all: $(if $(wildcard workers/main.c),$(PROGRAM) $(CTL)) $(LIB) $(MAN) $(COMPLETION) $(ETC)

# ---------------------------------------------------------------- compiling

# Files that keep their time while their text stays the same: what was built
# depends on the flags it was built with and on the list of what went in.
.PHONY: always
always:

define settle
@mkdir -p $(@D)
@printf '%s\n' $(1) >$@.new
@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
endef

quoted = '$(subst ','\'',$(1))'

$(BUILD)/flags: always
	$(call settle,$(call quoted,$(COMPILE)) $(call quoted,$(LINK)))
$(BUILD)/fuzz-flags: always
	$(call settle,$(call quoted,$(FUZZ_COMPILE)))
$(BUILD)/objects: always
	$(call settle,$(OBJECTS))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/obj/modules.o: $(BUILD)/modules.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

# The modules in the order of the list; $(1): those before them.
define list_modules
@mkdir -p $(@D)
$(call say,GEN,$@)
$(Q){ \
echo '/* Made from modules/modules.list. */'; \
echo '#include "core/module.h"'; \
echo; \
names=$$(echo $(1); cat $(wildcard modules/modules.list) /dev/null | sed 's/#.*//'); \
for m in $$names; do echo "extern const struct wr_module wr_module_$$m;"; done; \
echo; \
echo 'const struct wr_module *const wr_modules[] = {'; \
n=0; for m in $$names; do echo "    &wr_module_$$m,"; n=$$((n + 1)); done; \
echo '    NULL,'; \
echo '};'; \
echo "const unsigned wr_modules_n = $$n;"; \
} >$@
endef

$(BUILD)/modules.c: $(wildcard modules/modules.list) Makefile
	$(call list_modules,)

$(BUILD)/t/modules_witness.c: $(wildcard modules/modules.list) Makefile
	$(call list_modules,witness)

$(BUILD)/obj/t/modules_witness.o: $(BUILD)/t/modules_witness.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(PROGRAM): $(OBJECTS) $(BUILD)/objects
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(OBJECTS) $(LIB_LIBS)

$(CTL): $(CTL_OBJECTS) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(CTL_OBJECTS) $(LIB) $(LIB_LIBS)

$(LIB): $(LIB_OBJECTS) $(BUILD)/objects
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(LIB_OBJECTS)

# ---------------------------------------------------------------- tests

$(UNITS): $(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $< $(LIB) $(LIB_LIBS)

$(REPLAYS): $(BUILD)/t/fuzz/%: $(BUILD)/obj/t/fuzz/%.o $(BUILD)/obj/t/fuzz/replay.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIB) $(LIB_LIBS)

# Clients and servers of the tests; they know nothing of weir's code.
$(TOOLS): $(BUILD)/t/lib/%: t/lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -O2 -g -pthread -o $@ $<

# weir over a transport that splits and delays every byte (t/h1/trickle.t).
$(TRICKLE): $(TRICKLE_OBJECTS) $(BUILD)/objects
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(TRICKLE_OBJECTS) $(LIB_LIBS)

# weir with a module that uses files (t/files).
$(WITNESS): $(WITNESS_OBJECTS) $(BUILD)/objects
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(WITNESS_OBJECTS) $(LIB_LIBS)

# CHECK may name scripts (patterns too), binaries, or the sources of binaries.
CHECK ?=
chosen = $(foreach c,$(CHECK),$(or $(wildcard $(c)),$(c)))
CHECK_FILES = $(if $(CHECK),$(patsubst %.c,$(BUILD)/%,$(chosen)),$(UNITS) $(REPLAYS) \
	$(shell find t -name '*.t' | LC_ALL=C sort))

.PHONY: tests check check-long check-trickle
tests: all $(UNITS) $(REPLAYS) $(TOOLS) $(TRICKLE) $(WITNESS)

check: all $(TOOLS) $(TRICKLE) $(WITNESS) $(if $(CHECK),$(filter $(UNITS) $(REPLAYS),$(CHECK_FILES)),tests)
	@WR_BIN='$(abspath $(PROGRAM))' WR_BUILD='$(BUILD)' WR_SANITIZE='$(if $(SANITIZE),1)' \
	$(PROVE) $(PROVEFLAGS) --exec t/lib/run $(CHECK_FILES)

check-long: export WR_LONG := 1
check-long: check

# What check-long runs over the transport that splits and delays every byte, alone.
check-trickle:
	@$(MAKE) --no-print-directory check-long CHECK=t/h1/trickle.t

# ---------------------------------------------------------------- fuzzing

$(BUILD)/fuzz-obj/%.o: %.c $(BUILD)/fuzz-flags
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,$(FUZZ_CHECKS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz-obj/modules.o: $(BUILD)/modules.c $(BUILD)/fuzz-flags
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,$(FUZZ_CHECKS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz-obj/libweir.a: $(FUZZ_OBJECTS) $(BUILD)/objects
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(FUZZ_OBJECTS)

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz-obj/t/fuzz/%.o $(BUILD)/fuzz-obj/libweir.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(FUZZ_COMPILE) -fsanitize=fuzzer,$(FUZZ_CHECKS) -o $@ $< $(BUILD)/fuzz-obj/libweir.a $(LIB_LIBS)

.PHONY: fuzz fuzz-run
fuzz: $(FUZZERS)

# What is found new stays in the build directory; a crash stops it.
fuzz-run: fuzz
	$(Q)for f in $(FUZZERS); do \
		stem=$${f##*/}; found=$(BUILD)/fuzz-found/$$stem; \
		mkdir -p $$found; \
		echo "fuzzing $$stem for $(FUZZ_SECONDS) s"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$$found- $$found t/fuzz/corpus/$$stem || exit 1; \
	done

# ---------------------------------------------------------------- man pages and files with paths

FILL = sed $(foreach v,prefix sbindir bindir libexecdir sysconfdir localstatedir runstatedir datadir mandir,\
	-e 's|@$(v)@|$($(v))|g') -e 's|@version@|$(VERSION)|g'

$(BUILD)/obj/man/mkman.o: man/mkman.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/mkman: $(BUILD)/obj/man/mkman.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $< $(LIB) $(LIB_LIBS)

$(BUILD)/man/%.8: man/%.8 $(BUILD)/config.mk
	@mkdir -p $(@D)
	$(Q)$(FILL) <$< >$@

# weir.ini.5 from the directive tables, weir-reasons.7 from the table of failures.
$(BUILD)/man/weir.ini.5: how := ini
$(BUILD)/man/weir-reasons.7: how := reasons
$(BUILD)/man/%: man/%.in $(BUILD)/config.mk $(MKMAN)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(FILL) <$< | $(MKMAN) $(how) >$@.new && test -s $@.new && mv -f $@.new $@

$(BUILD)/etc/weir.bash-completion: etc/weir.bash-completion.in $(BUILD)/config.mk $(MKMAN)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(FILL) <$< | $(MKMAN) completion >$@.new && test -s $@.new && mv -f $@.new $@

$(BUILD)/etc/%: etc/% $(BUILD)/config.mk
	@mkdir -p $(@D)
	$(Q)$(FILL) <$< >$@

# ---------------------------------------------------------------- install

# One list, so that uninstall removes what install put: FILE MODE PLACE.
CONFIG := $(sysconfdir)/weir/weir.ini
EXAMPLES := $(sort $(wildcard etc/examples/*.ini))
INSTALLED := \
	$(PROGRAM):755:$(sbindir)/weir \
	$(CTL):755:$(bindir)/weirctl \
	$(foreach m,$(MAN),$(m):644:$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	$(foreach c,$(COMPLETION),$(c):644:$(datadir)/bash-completion/completions/weir) \
	$(BUILD)/etc/weirctl.bash-completion:644:$(datadir)/bash-completion/completions/weirctl \
	$(foreach e,$(EXAMPLES),$(e):644:$(datadir)/doc/weir/examples/$(notdir $(e))) \
	$(BUILD)/etc/weir.service:644:$(prefix)/lib/systemd/system/weir.service \
	$(BUILD)/etc/weir.sysusers:644:$(prefix)/lib/sysusers.d/weir.conf \
	$(BUILD)/etc/weir.tmpfiles:644:$(prefix)/lib/tmpfiles.d/weir.conf
# An administrator's files: never overwritten, unless into a DESTDIR.
KEPT := \
	$(BUILD)/etc/weir.ini:644:$(CONFIG) \
	$(BUILD)/etc/weir.logrotate:644:$(sysconfdir)/logrotate.d/weir

split = IFS=:; set -- $$f; IFS=' '; to='$(DESTDIR)'"$$3"

.PHONY: install uninstall
install: all
	$(Q)set -e; for f in $(INSTALLED); do \
		$(split); \
		echo "  INSTALL $$to"; \
		$(INSTALL) -D -m "$$2" "$$1" "$$to"; \
	done
	$(Q)set -e; for f in $(KEPT); do \
		$(split); \
		if [ -z '$(DESTDIR)' ] && [ -e "$$to" ] && ! cmp -s "$$1" "$$to"; then \
			echo "  KEEP    $$to (the new one is $$to.default)"; \
			to="$$to.default"; \
		else \
			echo "  INSTALL $$to"; \
		fi; \
		$(INSTALL) -D -m "$$2" "$$1" "$$to"; \
	done
	$(Q)$(INSTALL) -d -m 755 '$(DESTDIR)$(sysconfdir)/weir/conf.d'

# Removes what install put; a configuration that was changed stays.
uninstall: all
	$(Q)set -e; for f in $(INSTALLED); do \
		$(split); \
		echo "  REMOVE  $$to"; \
		rm -f "$$to"; \
	done
	$(Q)set -e; for f in $(KEPT); do \
		$(split); \
		rm -f "$$to.default"; \
		if [ ! -e "$$to" ]; then :; \
		elif cmp -s "$$1" "$$to"; then \
			echo "  REMOVE  $$to"; \
			rm -f "$$to"; \
		else \
			echo "  KEEP    $$to (changed)"; \
		fi; \
	done
	$(Q)for d in $(datadir)/doc/weir/examples $(datadir)/doc/weir $(sysconfdir)/weir/conf.d $(sysconfdir)/weir; do \
		rmdir '$(DESTDIR)'"$$d" 2>/dev/null || :; \
	done

# ---------------------------------------------------------------- house

FORMATTED = $(sort $(wildcard core/*.[ch] core/*/*.[ch] modules/*/*.[ch] workers/*.[ch] t/unit/*.[ch] \
	t/fuzz/*.[ch] t/lib/*.[ch] t/bench/*.[ch] man/*.[ch]))

.PHONY: format check-format clean distclean
format:
	$(CLANG_FORMAT) -i $(FORMATTED)

check-format:
	$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

clean:
	rm -rf $(addprefix $(BUILD)/,obj t fuzz fuzz-obj man etc weir weirctl libweir.a mkman modules.c flags fuzz-flags \
		objects)

distclean:
	@test ! -e $(BUILD) || test -e $(BUILD)/config.mk || { echo '$(BUILD) is no build directory' >&2; exit 1; }
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/obj/*.d $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d $(BUILD)/fuzz-obj/*.d \
	$(BUILD)/fuzz-obj/*/*.d $(BUILD)/fuzz-obj/*/*/*.d)
