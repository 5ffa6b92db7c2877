// heartbeat_own_extension() changes the owner of the extension, and the initial rights of its objects
// (pg_init_privs). heartbeat_set_owner() calls this function. In SQL, only REASSIGN OWNED can change the
// owner of an extension. But REASSIGN OWNED refuses the objects of the superuser that initdb has created. So
// if this superuser owns the extension, no SQL statement can change the owner.
#include "server/server.h"

#include "server/compat.h"
#include "server/extension.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_init_privs.h"
#include "utils/acl.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(heartbeat_own_extension);
}

using namespace heartbeat;

namespace {

// Returns false for an empty list of rights ('{}'), because aclnewowner() raises an error for an empty list.
bool has_rights(Relation catalog, HeapTuple row) {
    bool null;
    Datum rights = heap_getattr(row, Anum_pg_init_privs_initprivs, RelationGetDescr(catalog), &null);
    return !null && ARR_NDIM(DatumGetAclP(rights)) == 1;
}

// To find the grants of users, pg_dump compares the present rights of the extension's objects with their
// initial rights. So in the initial rights, this function replaces the old owner by the new owner.
void give_initial_rights(const Extension &extension, Oid owner) {
    Relation catalog = table_open(InitPrivsRelationId, RowExclusiveLock);
    SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
    while (HeapTuple row = systable_getnext(scan)) {
        const auto *object = reinterpret_cast<Form_pg_init_privs>(GETSTRUCT(row));
        if (getExtensionOfObject(object->classoid, object->objoid) == extension.oid &&
            has_rights(catalog, row))
            change_initial_rights(catalog, row, extension.owner, owner);
    }
    systable_endscan(scan);
    table_close(catalog, RowExclusiveLock);
}

} // namespace

extern "C" Datum heartbeat_own_extension(PG_FUNCTION_ARGS) {
    if (!superuser())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("only a superuser may give extension \"heartbeat\" to a role")));
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    give_initial_rights(extension, PG_GETARG_OID(0));
    change_extension_owner(extension.oid, PG_GETARG_OID(0));
    PG_RETURN_VOID();
}
