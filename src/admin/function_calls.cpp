// Implements heartbeat_record_calls(). If the body of a function is parsed (BEGIN ATOMIC), PostgreSQL adds a
// dependency to pg_depend for each function that the body calls. No SQL statement removes such a dependency
// between two functions of the extension. heartbeat_record_calls(function, false) removes these dependencies,
// and heartbeat_record_calls(function, true) adds them again. sql/extension/*_calls.sql explains why
// heartbeat removes the dependencies.
#include "server/server.h"

#include "server/compat.h"
#include "server/extension.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(heartbeat_record_calls);
}

namespace heartbeat {

namespace {

// Adds to the list at `context` the OIDs of the functions that an expression calls. Also adds the functions
// that the expression contains as constants of type regproc or regprocedure.
bool collect_functions(Node *node, void *context) {
    auto *functions = static_cast<List **>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, FuncExpr)) {
        *functions = list_append_unique_oid(*functions, reinterpret_cast<FuncExpr *>(node)->funcid);
    } else if (IsA(node, Const)) {
        auto *constant = reinterpret_cast<Const *>(node);
        if ((constant->consttype == REGPROCEDUREOID || constant->consttype == REGPROCOID) &&
            !constant->constisnull)
            *functions = list_append_unique_oid(*functions, DatumGetObjectId(constant->constvalue));
    }
    return walk_children(node, collect_functions, context);
}

// Returns the functions that collect_functions() finds in the body. Returns NIL if the body is stored as a
// text and not as a parsed query.
List *functions_in_body(Oid function) {
    HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(row))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no function with OID %u", function)));
    bool is_null;
    Datum body = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_prosqlbody, &is_null);
    List *functions = NIL;
    if (!is_null)
        collect_functions(static_cast<Node *>(stringToNode(TextDatumGetCString(body))), &functions);
    ReleaseSysCache(row);
    return functions;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_record_calls(PG_FUNCTION_ARGS) {
    Oid caller = PG_GETARG_OID(0);
    bool recorded = PG_GETARG_BOOL(1);
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    if (!has_privs_of_role(GetUserId(), extension.owner))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of extension heartbeat")));
    List *called = functions_in_body(caller);
    if (getExtensionOfObject(ProcedureRelationId, caller) != extension.oid)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("function with OID %u does not belong to extension \"heartbeat\"", caller)));
    ObjectAddress from = {ProcedureRelationId, caller, 0};
    ListCell *cell;
    foreach (cell, called) {
        ObjectAddress to = {ProcedureRelationId, lfirst_oid(cell), 0};
        if (to.objectId == caller || getExtensionOfObject(to.classId, to.objectId) != extension.oid)
            continue;
        deleteDependencyRecordsForSpecific(from.classId, from.objectId, DEPENDENCY_NORMAL, to.classId,
                                           to.objectId);
        if (recorded)
            recordDependencyOn(&from, &to, DEPENDENCY_NORMAL);
    }
    PG_RETURN_VOID();
}
