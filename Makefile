# Builds and installs the extension, with PostgreSQL's PGXS. Most users need only `make`, `make install` and `make installcheck`.
# `make generator` builds the generator (generator/Makefile), and `make WERROR=1` turns warnings into errors.
EXTENSION = heartbeat
MODULE_big = heartbeat
HEARTBEAT_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" heartbeat.control)
DATA = $(wildcard sql/heartbeat--*.sql)
DATA_built = build/heartbeat--$(HEARTBEAT_VERSION).sql $(patsubst sql/updates/%.sql,build/heartbeat--%.sql,$(wildcard sql/updates/*.sql))

# The files that make up the extension's script, in this order: each file comes after the files that it needs. TABLE_PIECES
# create the tables, and CODE_PIECES create the views and functions. ALTER EXTENSION heartbeat UPDATE runs CODE_PIECES again.
TABLE_PIECES = $(addprefix tables/,readings rollup arrivals defaults offsets events dead_letters control sources schemas dropped_offsets alerts)
CODE_PIECES = classify user_code require events sources sources_try schemas control rollup distributed distributed_calls arrivals changes partitions upgrade_keys \
	summarize_partitions dead_letters seek replay retention status views summary alert_conditions alerts metrics audit distribute undistribute owner \
	check_objects
SQL_PIECES = header distributed_install distributed_begin begin $(TABLE_PIECES) $(CODE_PIECES) tables/triggers tables/records_triggers rights dump \
	distributed_finish finish

PURE_OBJS = $(patsubst %.cpp,%.o,$(wildcard src/decode/*.cpp src/kafka/*.cpp src/registry/*.cpp))
SERVER_OBJS = $(filter-out $(PURE_OBJS),$(patsubst %.cpp,%.o,$(wildcard src/*.cpp src/*/*.cpp)))
OBJS = $(PURE_OBJS) $(SERVER_OBJS)
DEPENDENCIES = $(OBJS:.o=.d) $(FORMATS_OBJS:.o=.d)

# All code that needs libcurl and libprotobuf is in the module heartbeat_formats, and heartbeat.so loads the module only for
# sources that need it. So you can build and run heartbeat without these libraries. Debian has the headers of libprotobuf's
# parser in a separate package, libprotoc-dev, which pkg-config does not check. So FORMATS_MISSING also tries to include one of
# these headers. The Makefile accepts libprotobuf only up to 3.21. Newer versions have other interfaces, and end the process
# after some errors for which 3.21 throws an exception.
FORMATS_PACKAGES = libcurl protobuf
hash := \#
FORMATS_FLAGS := $(shell pkg-config --cflags $(FORMATS_PACKAGES) 2>/dev/null)
FORMATS_MISSING := $(strip $(shell pkg-config --exists 'libcurl >= 7.77' || echo '(libcurl 7.77 or newer)') \
	$(shell pkg-config --exists 'protobuf >= 3.12 protobuf < 4' || echo '(protobuf 3.12 to 3.21)') \
	$(shell echo '$(hash)include <google/protobuf/compiler/parser.h>' | $(CXX) $(FORMATS_FLAGS) -E -x c++ - > /dev/null 2>&1 || \
	echo '(google/protobuf/compiler/parser.h)'))
FORMATS_SOURCES = $(wildcard src/registry/module/*.cpp) src/registry/registry_urls.cpp src/decode/utf8_text.cpp
FORMATS_OBJS = $(FORMATS_SOURCES:%.cpp=build/formats/%.o)

REGRESS = install owner restore rename schema classify constraints views control sources source_mappings events alerts dead_letters permissions distribute settings misspelt
REGRESS_OPTS = --inputdir=. --outputdir=. --load-extension=heartbeat
EXTRA_CLEAN = $(DEPENDENCIES) heartbeat_formats.so build results regression.diffs regression.out

PACKAGES = rdkafka jansson simdjson zlib
PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags $(PACKAGES))
PG_CXXFLAGS = -std=c++20 -DHEARTBEAT_VERSION='"$(HEARTBEAT_VERSION)"' -Wall -Wextra -MMD -MP $(if $(WERROR),-Werror)
SHLIB_LINK = $(shell pkg-config --libs $(PACKAGES)) -ldate-tz -lstdc++ -pthread

# build no LLVM bitcode: just-in-time compilation cannot use the code of a background worker
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The server's headers are C. With -isystem, the C++ compiler prints no warnings about these headers.
override CPPFLAGS := -isystem $(includedir_server) $(CPPFLAGS)
# Debian's pg_buildext passes its flags in COPT. The server's makefiles use COPT only for C, so this line adds COPT for C++.
override CXXFLAGS += $(COPT) -Wno-register -Wno-volatile -Wno-unused-parameter -Wno-suggest-attribute=format

# The stage `sanitize` of script/test runs `make SANITIZE=address,undefined`, and starts a server that can load such an
# extension. PGXS compiles with -fwrapv. With -fwrapv the sanitizer does not look for overflows of signed integers, so the
# Makefile adds -fno-wrapv. A report needs only functions and lines. So -g1 leaves out local variables, and the compiler needs a
# fifth less CPU time.
ifdef SANITIZE
override CXXFLAGS += -g1 -O1 -fno-omit-frame-pointer -fno-wrapv -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
SHLIB_LINK += -fsanitize=$(SANITIZE)
endif

$(OBJS): heartbeat.control # HEARTBEAT_VERSION comes from this file

# make recompiles object files that were compiled for another version of PostgreSQL.
BUILT_FOR = build/built-for
$(shell mkdir -p build && echo '$(VERSION) $(includedir_server)' > $(BUILT_FOR).now && \
	{ cmp -s $(BUILT_FOR).now $(BUILT_FOR) && rm $(BUILT_FOR).now || mv $(BUILT_FOR).now $(BUILT_FOR); })
$(SERVER_OBJS): $(BUILT_FOR)

# Code in src/decode, src/kafka and src/registry may throw exceptions, so this code must not call the server, which may longjmp.
# This rule compiles these folders without the server's headers: it keeps only the CPPFLAGS that begin with -D, -U or -W, for
# example -D_FORTIFY_SOURCE.
$(PURE_OBJS): override CPPFLAGS := $(PG_CPPFLAGS) $(filter -D% -U% -W%,$(CPPFLAGS))

-include $(DEPENDENCIES)

FORMATS = heartbeat_formats$(DLSUFFIX)
ifeq ($(FORMATS_MISSING),)
all: $(FORMATS)
install: install-formats
installdirs: installdirs-formats
else
all: formats-missing
endif

# The module exports only heartbeat_formats(). --exclude-libs hides the symbols of static libraries.
FORMATS_LINK = $(shell pkg-config --libs $(FORMATS_PACKAGES) simdjson) -Wl,--exclude-libs,ALL -pthread
ifdef SANITIZE
FORMATS_LINK += -fsanitize=$(SANITIZE)
endif

$(FORMATS): $(FORMATS_OBJS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -shared -o $@ $^ $(FORMATS_LINK)

$(FORMATS_OBJS): heartbeat.control
build/formats/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -fPIC -fvisibility=hidden -fvisibility-inlines-hidden $(PG_CPPFLAGS) $(FORMATS_FLAGS) \
		$(filter -D% -U%,$(CPPFLAGS)) -c -o $@ $<

.PHONY: formats-missing install-formats installdirs-formats uninstall-formats
formats-missing:
	@echo "make does not build heartbeat_formats, so sources cannot use a schema registry or Protobuf. Missing: $(FORMATS_MISSING)"

installdirs-formats:
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'

install-formats: $(FORMATS) installdirs-formats
	$(INSTALL_SHLIB) $(FORMATS) '$(DESTDIR)$(pkglibdir)/$(FORMATS)'

uninstall: uninstall-formats
uninstall-formats:
	rm -f '$(DESTDIR)$(pkglibdir)/$(FORMATS)'

build/heartbeat--$(HEARTBEAT_VERSION).sql: $(SQL_PIECES:%=sql/extension/%.sql) Makefile
	@mkdir -p $(@D)
	awk 'FNR == 1 && NR > 1 { print "" } { print }' $(filter %.sql,$^) > $@

build/heartbeat--%.sql: sql/updates/%.sql sql/updates/join.awk $(SQL_PIECES:%=sql/extension/%.sql) Makefile
	@mkdir -p $(@D)
	awk -v code='$(CODE_PIECES)' -v tables='$(TABLE_PIECES)' -f sql/updates/join.awk $< > $@

.PHONY: generator
generator:
	$(MAKE) -C generator

# `make dist` makes build/heartbeat-X.Y.Z.zip from HEAD, for a release on PGXN. A version on PGXN has three numbers, so the
# Makefile adds .0 to a version with two numbers.
PGXN_VERSION = $(HEARTBEAT_VERSION)$(if $(filter 2,$(words $(subst ., ,$(HEARTBEAT_VERSION)))),.0)
PGXN_RELEASE = heartbeat-$(PGXN_VERSION)

META.json: META.json.in heartbeat.control
	sed 's/@VERSION@/$(PGXN_VERSION)/' $< > $@

.PHONY: dist
dist: META.json
	@git diff --quiet HEAD || { echo "some changes are not committed, so the release would not contain them" >&2; exit 1; }
	mkdir -p build
	git archive --format=zip --prefix=$(PGXN_RELEASE)/ --add-file=META.json --output=build/$(PGXN_RELEASE).zip HEAD
