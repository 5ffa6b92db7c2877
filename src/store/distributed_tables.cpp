// Reads Citus's catalogs to find whether the tables are distributed. It looks the catalogs up by name, so it
// needs no header of Citus, and it works on a server without Citus.
#include "server/server.h"

#include "server/extension.h"
#include "store/distributed_tables.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

Oid catalog_of_citus(const char *name) {
    return get_relname_relid(name, PG_CATALOG_NAMESPACE);
}

// The number of sessions to each node that Citus keeps for the next transaction. With Citus's default of one,
// all but one shard of a node would wait for a new connection in every batch.
constexpr char cached_connections[] = "citus.max_cached_conns_per_worker";

bool is_loaded() {
    return GetConfigOption(cached_connections, true, false) != nullptr;
}

void set_for_transaction(const char *name, const char *value) {
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

// Runs as the process's own user, the only one with the right to call this function of Citus.
void recover() {
    SPI_connect();
    if (SPI_execute("SELECT pg_catalog.recover_prepared_transactions()", false, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not recover prepared transactions");
    SPI_finish();
}

} // namespace

bool distribution_is_active() {
    Oid catalog = catalog_of_citus("pg_dist_partition");
    Oid index = catalog_of_citus("pg_dist_partition_logical_relid_index");
    if (!OidIsValid(catalog) || !OidIsValid(index))
        return false;
    Relation table = table_open(catalog, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, get_attnum(catalog, "logicalrelid"), BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(extension_table("heartbeat_records")));
    SysScanDesc scan = systable_beginscan(table, index, true, nullptr, 1, &key);
    bool found = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(table, AccessShareLock);
    return found;
}

bool distribution_is_node() {
    Oid catalog = catalog_of_citus("pg_dist_local_group");
    if (!OidIsValid(catalog))
        return false;
    Relation table = table_open(catalog, AccessShareLock);
    SysScanDesc scan = systable_beginscan(table, InvalidOid, false, nullptr, 0, nullptr);
    HeapTuple row = systable_getnext(scan);
    bool null = true;
    Datum group = HeapTupleIsValid(row)
                      ? heap_getattr(row, get_attnum(catalog, "groupid"), RelationGetDescr(table), &null)
                      : 0;
    bool node = !null && DatumGetInt32(group) != 0;
    systable_endscan(scan);
    table_close(table, AccessShareLock);
    return node;
}

void distribution_prepare_session() {
    if (is_loaded())
        // This has no effect if the administrator has set the value.
        SetConfigOption(cached_connections, "16", PGC_USERSET, PGC_S_DYNAMIC_DEFAULT);
}

void distribution_commit_durably() {
    if (distribution_is_active())
        set_for_transaction("synchronous_commit", "on");
}

bool distribution_hold_marks() {
    if (!distribution_is_active())
        return false;
    // While this lock waits, ingest waits behind it, so the wait is short.
    set_for_transaction("lock_timeout", "1s");
    LockRelationOid(extension_table("heartbeat_stale_minutes"), ShareLock);
    return true;
}

void distribution_release_marks() {
    recover();
    UnlockRelationOid(extension_table("heartbeat_stale_minutes"), ShareLock);
    set_for_transaction("citus.max_adaptive_executor_pool_size", "1");
}

void distribution_recover() {
    Extension extension;
    if (!is_loaded())
        return;
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    if (OidIsValid(catalog_of_citus("pg_dist_partition")) && extension_find(&extension) &&
        distribution_is_active())
        recover();
    PopActiveSnapshot();
    CommitTransactionCommand();
}

} // namespace heartbeat
