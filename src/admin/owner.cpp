// heartbeat_own_extension() changes the owner of the extension. heartbeat_set_owner() calls this function.
// The only SQL statement that can change this owner is REASSIGN OWNED. But REASSIGN OWNED refuses the objects
// of one role: the superuser that initdb has created. If this role owns the extension, no SQL statement can
// change the owner.
#include "server/server.h"

#include "server/compat.h"
#include "server/extension.h"

extern "C" {
PG_FUNCTION_INFO_V1(heartbeat_own_extension);
}

using namespace heartbeat;

extern "C" Datum heartbeat_own_extension(PG_FUNCTION_ARGS) {
    if (!superuser())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("only a superuser may give extension \"heartbeat\" to a role")));
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    change_extension_owner(extension.oid, PG_GETARG_OID(0));
    PG_RETURN_VOID();
}
