// Loads the sources as the extension's owner, and selects a source by its name. kafka_offsets.cpp and
// replay.cpp call this file.
#include "server/server.h"

#include "admin/source_definition.h"
#include "admin/source_named.h"
#include "server/extension.h"
#include "server/statement.h"
#include "store/offsets.h"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
}

namespace heartbeat {

namespace {

Statement keep_sources = {{TEXTOID}, R"sql(
    SELECT FROM @extschema@.heartbeat_source_definitions
    WHERE dropped_at IS NULL AND ($1 IS NULL OR name = $1)
    ORDER BY source_id FOR KEY SHARE)sql"};

void keep(const char *name) {
    Datum value = name == nullptr ? 0 : CStringGetTextDatum(name);
    char null = name == nullptr ? 'n' : ' ';
    if (offsets_have_sources())
        statement_execute(&keep_sources, &value, &null, SPI_OK_SELECT);
}

ListedSource *load_as_owner(const char *kept, bool keeps, size_t *count) {
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    MemoryContext context = CurrentMemoryContext;
    Oid user;
    int security;
    GetUserIdAndSecContext(&user, &security);
    SetUserIdAndSecContext(extension.owner, security | SECURITY_LOCAL_USERID_CHANGE);
    SPI_connect();
    if (keeps)
        keep(kept);
    ListedSource *sources = sources_load(context, count);
    SPI_finish();
    SetUserIdAndSecContext(user, security);
    return sources;
}

Source *select_sources(const char *name, bool keeps, size_t *count) {
    size_t listed;
    const ListedSource *all = load_as_owner(name, keeps, &listed);
    auto *found = static_cast<Source *>(palloc(sizeof(Source) * (listed + 1)));
    *count = 0;
    for (size_t i = 0; i < listed; i++)
        if (name == nullptr || strcmp(all[i].source.name, name) == 0)
            found[(*count)++] = all[i].source;
    if (*count == 0 && name != nullptr)
        source_refuse_unknown(name);
    return found;
}

} // namespace

void source_refuse_unknown(const char *name) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no source \"%s\"", name),
                    errhint("heartbeat_sources shows the sources.")));
}

Source *sources_keep(const char *name, size_t *count) {
    return select_sources(name, true, count);
}

Source source_named(const char *name) {
    size_t count;
    return select_sources(name == nullptr ? default_source : name, false, &count)[0];
}

} // namespace heartbeat
