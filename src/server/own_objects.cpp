// Finds the extension's functions by their exact signature. Decides whether a table belongs to the extension
// or to another role. statement_relations.cpp calls own_relation_check() for the tables of each statement.
#include "server/server.h"

#include "server/compat.h"
#include "server/extension.h"
#include "server/own_objects.h"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace heartbeat {

namespace {

Oid find(const OwnFunction &function) {
    const Extension &extension = extension_known();
    oidvector *types = buildoidvector(function.types.elements, function.types.count);
    Oid found = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(function.name),
                                PointerGetDatum(types), ObjectIdGetDatum(extension.schema));
    if (!OidIsValid(found) || getExtensionOfObject(ProcedureRelationId, found) != extension.oid)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("function \"%s\" of extension \"heartbeat\" does not exist", function.name),
                        errhint("The function was changed or dropped. Undo this change, or run ALTER "
                                "EXTENSION heartbeat UPDATE.")));
    return found;
}

Oid owner_of(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

} // namespace

bool own_function_call(const OwnFunction &function, const Datum *values, const bool *nulls, Datum *answer) {
    Oid found = find(function);
    require_execute(found);
    FmgrInfo info;
    fmgr_info(found, &info);
    LOCAL_FCINFO(call, own_function_arguments_max);
    InitFunctionCallInfoData(*call, &info, static_cast<short>(function.types.count), DEFAULT_COLLATION_OID,
                             nullptr, nullptr);
    for (int i = 0; i < function.types.count; i++) {
        call->args[i].value = values[i];
        call->args[i].isnull = nulls != nullptr && nulls[i];
    }
    *answer = FunctionCallInvoke(call);
    return !call->isnull;
}

// Also accepts a table that is not in the extension but belongs to the extension's owner. For example, after
// ALTER EXTENSION heartbeat DROP TABLE, the table still has the same owner.
void own_relation_check(Oid relation) {
    const Extension &extension = extension_known();
    if (relation < FirstNormalObjectId || owner_of(relation) == extension.owner ||
        getExtensionOfObject(RelationRelationId, relation) == extension.oid)
        return;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("relation \"%s\" does not belong to extension \"heartbeat\"", get_rel_name(relation)),
             errdetail("The relation belongs to role \"%s\", and has the name of a relation of the extension "
                       "that was renamed or dropped.",
                       GetUserNameFromId(owner_of(relation), true)),
             errhint("Rename or drop this relation, and give the extension's own relation its name back.")));
}

Relation own_table_open(const char *name, LOCKMODE mode) {
    Oid table = extension_table(name);
    own_relation_check(table);
    return table_open(table, mode);
}

} // namespace heartbeat
