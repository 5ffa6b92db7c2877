// Makes the extension's owner the current user, and changes settings, as SECURITY DEFINER and SET do for a
// function. The SQL functions that call this file first check the rights of the role that calls them. So
// these SQL functions cannot be SECURITY DEFINER: the current user would then be the owner, and not this
// role.
#include "server/server.h"

#include "admin/acting_owner.h"
#include "server/extension.h"

extern "C" {
#include "miscadmin.h"
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

void set_until_end(const char *name, const char *value) {
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

} // namespace

ActingOwner acting_owner_enter() {
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    ActingOwner acting = {};
    acting.rows = SPI_tuptable;
    acting.row_count = SPI_processed;
    GetUserIdAndSecContext(&acting.caller, &acting.security);
    acting.settings = NewGUCNestLevel();
    SetUserIdAndSecContext(extension.owner, acting.security | SECURITY_LOCAL_USERID_CHANGE);
    set_until_end("search_path", "pg_catalog, pg_temp");
    set_until_end("row_security", "off");
    SPI_connect();
    return acting;
}

void acting_owner_leave(const ActingOwner &acting) {
    SPI_finish();
    AtEOXact_GUC(true, acting.settings);
    SetUserIdAndSecContext(acting.caller, acting.security);
    SPI_tuptable = acting.rows;
    SPI_processed = acting.row_count;
}

} // namespace heartbeat
