// The functions of the table layout for Citus. In this table layout, Citus has distributed the tables. This
// file looks up Citus's catalogs by name, so that it needs no header of Citus, and works on a server without
// Citus.
#include "server/server.h"

#include "server/extension.h"
#include "server/statement.h"
#include "store/distributed_rollup.h"
#include "store/distributed_tables.h"
#include "store/offsets.h"
#include "store/rows.h"
#include "store/user_triggers.h"

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

// This setting of Citus is the number of connections to each node that stay open for the next transaction.
// The default is one. Then only one shard of a node could use an open connection in each batch, and all other
// shards would wait for new connections.
constexpr char cached_connections[] = "citus.max_cached_conns_per_worker";

bool is_loaded() {
    return GetConfigOption(cached_connections, true, false) != nullptr;
}

void set_for_transaction(const char *name, const char *value) {
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

// The statements find the stored readings that have prevented the insert of a reading. Citus sends the
// statements to the nodes, so they cannot look up in a catalog whether the primary key of a table partition
// contains the device. If the table has no reading of the same device, they return a reading of another
// device with the same customer and time.
constexpr Statement::Types stored_types = {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID};
constexpr const char *select_stored_sql = R"sql(
    WITH found AS MATERIALIZED (
        SELECT r.customer_id, r.event_timestamp, r.device_id, r.heart_rate
        FROM unnest($1, $2) AS n (customer_id, event_timestamp)
            JOIN @extschema@.@table@ r ON r.customer_id = n.customer_id
            AND r.event_timestamp = n.event_timestamp)
    SELECT DISTINCT ON (n.place) n.place::integer - 1, f.heart_rate, f.device_id = n.device_id
    FROM unnest($1, $2, $3) WITH ORDINALITY AS n (customer_id, event_timestamp, device_id, place)
        JOIN found f ON f.customer_id = n.customer_id AND f.event_timestamp = n.event_timestamp
    ORDER BY n.place, f.device_id = n.device_id DESC)sql";
constexpr const char *select_old_stored_sql = R"sql(
    WITH found AS MATERIALIZED (
        SELECT r.customer_id, r.event_timestamp, r.heart_rate
        FROM unnest($1, $2) AS n (customer_id, event_timestamp)
            JOIN @extschema@.@table@ r ON r.customer_id = n.customer_id
            AND r.event_timestamp = n.event_timestamp)
    SELECT DISTINCT ON (n.place) n.place::integer - 1, f.heart_rate, true
    FROM unnest($1, $2) WITH ORDINALITY AS n (customer_id, event_timestamp, place)
        JOIN found f ON f.customer_id = n.customer_id AND f.event_timestamp = n.event_timestamp
    ORDER BY n.place)sql";
constexpr StatementPart records = {"@table@", R"sql(heartbeat_records)sql"};
constexpr StatementPart anomalies = {"@table@", R"sql(heartbeat_anomalies)sql"};
constexpr Statement::Types old_stored_types = {TEXTARRAYOID, TIMESTAMPTZARRAYOID};

Statement select_stored_records = {stored_types, {records}, select_stored_sql};
Statement select_stored_anomalies = {stored_types, {anomalies}, select_stored_sql};
Statement select_old_stored_records = {old_stored_types, {records}, select_old_stored_sql};
Statement select_old_stored_anomalies = {old_stored_types, {anomalies}, select_old_stored_sql};

// True while Citus copies rows to the nodes. Stays true if the copy raises an error.
bool copying = false;

// Runs as the process's own user, because only this user has the right to call
// recover_prepared_transactions().
void recover_prepared() {
    SPI_connect();
    if (SPI_execute("SELECT pg_catalog.recover_prepared_transactions()", false, 0) != SPI_OK_SELECT)
        elog(ERROR, "could not recover prepared transactions");
    SPI_finish();
}

bool is_in_use() {
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

// Only the coordinator ingests.
const WrongServer *wrong_server() {
    static constexpr WrongServer node = {
        "this server is a node of a Citus cluster",
        "Only the coordinator reads from Kafka. Run DROP EXTENSION heartbeat on this server."};
    Oid catalog = catalog_of_citus("pg_dist_local_group");
    if (!OidIsValid(catalog))
        return nullptr;
    Relation table = table_open(catalog, AccessShareLock);
    SysScanDesc scan = systable_beginscan(table, InvalidOid, false, nullptr, 0, nullptr);
    HeapTuple row = systable_getnext(scan);
    bool null = true;
    Datum group = HeapTupleIsValid(row)
                      ? heap_getattr(row, get_attnum(catalog, "groupid"), RelationGetDescr(table), &null)
                      : 0;
    bool is_coordinator = null || DatumGetInt32(group) == 0;
    systable_endscan(scan);
    table_close(table, AccessShareLock);
    return is_coordinator ? nullptr : &node;
}

void prepare_process() {
    if (is_loaded())
        // This call has no effect if the administrator has set the value.
        SetConfigOption(cached_connections, "16", PGC_USERSET, PGC_S_DYNAMIC_DEFAULT);
}

// Ends transactions that are still prepared on the nodes, because the second attempt to store a batch would
// wait for locks of the first attempt.
void recover() {
    Extension extension;
    if (!is_loaded())
        return;
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    if (OidIsValid(catalog_of_citus("pg_dist_partition")) && extension_find(&extension) && is_in_use())
        recover_prepared();
    PopActiveSnapshot();
    CommitTransactionCommand();
}

// A batch commits on this server first, and later on the nodes. Between these commits, a snapshot could see a
// mark without the readings of the marked minute. The batch holds a lock on heartbeat_stale_minutes until it
// has committed on all nodes. This function takes a conflicting lock, so it waits for such batches, and new
// batches wait until release_marks().
bool hold_marks() {
    // While this transaction waits for the lock, ingest waits too, so the timeout is short.
    set_for_transaction("lock_timeout", "1s");
    LockRelationOid(extension_table("heartbeat_stale_minutes"), ShareLock);
    return true;
}

// Ends the transactions that are still prepared on the nodes, and releases the lock of hold_marks(). Then the
// function limits the transaction to one session for each node, so that each node uses only one snapshot.
void release_marks() {
    recover_prepared();
    UnlockRelationOid(extension_table("heartbeat_stale_minutes"), ShareLock);
    set_for_transaction("citus.max_adaptive_executor_pool_size", "1");
}

// Makes the commit wait for the disk, because a crash could lose the commit on this server, but not on the
// nodes.
void prepare_commit() {
    set_for_transaction("synchronous_commit", "on");
}

// This function uses no subtransaction. A subtransaction could recover from a refused row, but not from a
// lost session, and Citus can report the same internal error for both. After this error, the worker rolls
// back the whole batch, and stores the batch again by halves.
void insert(Rows *rows, bool *replaying) {
    if (!*replaying && !user_triggers_present()) {
        *replaying = copying = true;
        rows_insert_all(rows);
        *replaying = copying = false;
        return;
    }
    rows_insert_new(rows);
    *replaying = !rows->all_stored();
}

bool may_be_of_row(const ErrorData *error) {
    bool was_copying = copying;
    copying = false;
    return was_copying && error->sqlerrcode == ERRCODE_INTERNAL_ERROR;
}

uint64_t select_stored(bool of_anomalies, const Datum *keys) {
    bool old = !offsets_have_sources();
    Statement *of_records = old ? &select_old_stored_records : &select_stored_records;
    Statement *statement = old ? &select_old_stored_anomalies : &select_stored_anomalies;
    return statement_execute(of_anomalies ? statement : of_records, keys, nullptr, SPI_OK_SELECT);
}

} // namespace

constinit const TablesLayout distributed_tables = {
    .is_in_use = is_in_use,
    .prepare_process = prepare_process,
    .recover = recover,
    .wrong_server = wrong_server,
    .may_be_of_row = may_be_of_row,
    .hold_marks = hold_marks,
    .release_marks = release_marks,
    .prepare_commit = prepare_commit,
    .insert = insert,
    .select_stored = select_stored,
    .bulk_insert = false,  // Citus keeps the rows in shards, so the coordinator's table partitions are empty
    .cheap_lookup = false, // a search for each key would ask the nodes one after the other
    .fold = distributed_rollup_fold,
    .rebuild = distributed_rollup_rebuild,
    .rebuild_minutes = 60,
};

} // namespace heartbeat
