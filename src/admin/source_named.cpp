// Loads the sources as the extension's owner, and selects one by its name. kafka_offsets.cpp and replay.cpp
// call it.
#include "server/server.h"

#include "admin/source_definition.h"
#include "admin/source_named.h"
#include "server/extension.h"

extern "C" {
#include "executor/spi.h"
#include "miscadmin.h"
}

namespace heartbeat {

namespace {

ListedSource *load_as_owner(size_t *count) {
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
    ListedSource *sources = sources_load(context, count);
    SPI_finish();
    SetUserIdAndSecContext(user, security);
    return sources;
}

} // namespace

Source *sources_named(const char *name, size_t *count) {
    size_t listed;
    const ListedSource *all = load_as_owner(&listed);
    auto *found = static_cast<Source *>(palloc(sizeof(Source) * (listed + 1)));
    *count = 0;
    for (size_t i = 0; i < listed; i++)
        if (name == nullptr || strcmp(all[i].source.name, name) == 0)
            found[(*count)++] = all[i].source;
    if (*count == 0 && name != nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no source \"%s\"", name),
                        errhint("heartbeat_sources shows the sources.")));
    return found;
}

Source source_named(const char *name) {
    size_t count;
    return sources_named(name == nullptr ? default_source : name, &count)[0];
}

} // namespace heartbeat
