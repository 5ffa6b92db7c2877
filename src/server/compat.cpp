// Handles the differences between the supported versions of PostgreSQL. Each function has one variant for
// each group of versions. compat.h describes the functions.
#include "server/server.h"

#include "server/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_init_privs.h"
#include "catalog/pg_proc.h"
#include "commands/alter.h"
#include "commands/cluster.h"
#include "commands/vacuum.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

void reserve_settings(const char *prefix) {
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved(prefix);
#else
    EmitWarningsOnPlaceholders(prefix);
#endif
}

#if PG_VERSION_NUM >= 150000
namespace {

shmem_request_hook_type previous_hook = nullptr;
void (*request_memory)() = nullptr;

void request_hook() {
    if (previous_hook != nullptr)
        previous_hook();
    request_memory();
}

} // namespace
#endif

void when_memory_is_requested(void (*request)()) {
#if PG_VERSION_NUM >= 150000
    request_memory = request;
    previous_hook = shmem_request_hook;
    shmem_request_hook = request_hook;
#else
    request();
#endif
}

uint32 new_wait_event([[maybe_unused]] const char *name) {
#if PG_VERSION_NUM >= 170000
    return WaitEventExtensionNew(name);
#else
    return PG_WAIT_EXTENSION;
#endif
}

ReturnSetInfo *return_rows(FunctionCallInfo call) {
    auto *result = reinterpret_cast<ReturnSetInfo *>(call->resultinfo);
#if PG_VERSION_NUM >= 150000
    InitMaterializedSRF(call, 0);
#else
    if (result == nullptr || !IsA(result, ReturnSetInfo) || (result->allowedModes & SFRM_Materialize) == 0)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    MemoryContext caller = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
    if (get_call_result_type(call, nullptr, &result->setDesc) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    result->returnMode = SFRM_Materialize;
    result->setResult =
        tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    MemoryContextSwitchTo(caller);
#endif
    return result;
}

void init_range_table(EState *estate, ParseState *parse) {
#if PG_VERSION_NUM >= 180000
    ExecInitRangeTable(estate, parse->p_rtable, parse->p_rteperminfos,
                       bms_add_range(nullptr, 1, list_length(parse->p_rtable)));
#elif PG_VERSION_NUM >= 160000
    ExecInitRangeTable(estate, parse->p_rtable, parse->p_rteperminfos);
#else
    ExecInitRangeTable(estate, parse->p_rtable);
#endif
}

TupleConversionMap *partition_map(ResultRelInfo *partition, [[maybe_unused]] EState *estate) {
#if PG_VERSION_NUM >= 160000
    return ExecGetRootToChildMap(partition, estate);
#else
    return partition->ri_RootToPartitionMap;
#endif
}

void require_execute(Oid function) {
#if PG_VERSION_NUM >= 160000
    AclResult result = object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE);
#else
    AclResult result = pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE);
#endif
    if (result != ACLCHECK_OK)
        aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

bool may_alter_system([[maybe_unused]] const char *setting, Oid role) {
    if (superuser_arg(role))
        return true;
#if PG_VERSION_NUM >= 150000
    return pg_parameter_aclcheck(setting, role, ACL_ALTER_SYSTEM) == ACLCHECK_OK;
#else
    return false;
#endif
}

void change_extension_owner(Oid extension, Oid owner) {
#if PG_VERSION_NUM >= 170000
    AlterObjectOwner_internal(ExtensionRelationId, extension, owner);
#else
    Relation catalog = table_open(ExtensionRelationId, RowExclusiveLock);
    AlterObjectOwner_internal(catalog, extension, owner);
    table_close(catalog, RowExclusiveLock);
#endif
}

void change_initial_rights([[maybe_unused]] Relation catalog, HeapTuple row, Oid before, Oid after) {
#if PG_VERSION_NUM >= 170000
    // from PostgreSQL 17 on, pg_shdepend also lists the roles of pg_init_privs; ReplaceRoleInInitPriv()
    // changes both catalogs
    const auto *object = reinterpret_cast<Form_pg_init_privs>(GETSTRUCT(row));
    ReplaceRoleInInitPriv(before, after, object->classoid, object->objoid, object->objsubid);
#else
    TupleDesc columns = RelationGetDescr(catalog);
    Datum values[Natts_pg_init_privs];
    bool nulls[Natts_pg_init_privs];
    heap_deform_tuple(row, columns, values, nulls);
    Datum &rights = values[Anum_pg_init_privs_initprivs - 1];
    rights = PointerGetDatum(aclnewowner(DatumGetAclP(rights), before, after));
    CatalogTupleUpdate(catalog, &row->t_self, heap_form_tuple(columns, values, nulls));
#endif
}

bool walk_children(Node *node, bool (*walker)(Node *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
    tree_walker_callback callback = walker;
#else
    // the server's C headers declare the callback without parameters, so the type in C++ has no parameters
    auto callback = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker));
#endif
    if (IsA(node, Query))
        return query_tree_walker(reinterpret_cast<Query *>(node), callback, context, 0);
    return expression_tree_walker(node, callback, context);
}

#if HEARTBEAT_KNOWS_BTREE
Buffer btree_lock_leaf(Relation index, [[maybe_unused]] Relation table, BTScanInsert key) {
    Buffer leaf = InvalidBuffer;
#if PG_VERSION_NUM >= 170000
    BTStack path = _bt_search(index, table, key, &leaf, BT_WRITE);
#elif PG_VERSION_NUM >= 160000
    BTStack path = _bt_search(index, table, key, &leaf, BT_WRITE, nullptr);
#else
    BTStack path = _bt_search(index, key, &leaf, BT_WRITE, nullptr);
#endif
    if (path != nullptr)
        _bt_freestack(path);
    return leaf;
}
#endif

bool index_rebuild_is_safe() {
    // the version of the running server can differ from the version of the headers
    return atoi(GetConfigOption("server_version_num", false, false)) >= 140004;
}

void vacuum_tables(List *tables, MemoryContext context) {
    VacuumParams params = {};
    params.options = VACOPT_VACUUM | VACOPT_SKIP_LOCKED;
    params.freeze_min_age = params.freeze_table_age = -1;
    params.multixact_freeze_min_age = params.multixact_freeze_table_age = -1;
    params.log_min_duration = -1;
    params.index_cleanup = VACOPTVALUE_ENABLED;
    params.truncate = VACOPTVALUE_DISABLED;
    params.nworkers = -1;
#if PG_VERSION_NUM >= 160000
    params.options |= VACOPT_PROCESS_MAIN; // without this option, these versions vacuum nothing
    vacuum(tables, &params, nullptr, context, true);
#else
    MemoryContext portal = PortalContext;
    PortalContext = context;
    vacuum(tables, &params, nullptr, true);
    PortalContext = portal;
#endif
}

void rewrite_table(Oid table) {
    ClusterParams params = {};
#if PG_VERSION_NUM >= 180000
    cluster_rel(table_open(table, NoLock), InvalidOid, &params); // the call closes the table
#else
    cluster_rel(table, InvalidOid, &params);
#endif
}

} // namespace heartbeat
