// The process that packs old weeks. First the process drops the invalid indexes that interrupted rebuilds
// have left. Then, for each key, the process sets the key's fillfactor to `begun`, rebuilds the key, and sets
// the fillfactor to `packed`. So after an error or a crash, the next process sees that the key is not packed
// yet. packing.cpp starts the process.
#include "server/server.h"

#include "monitor/duties.h"
#include "monitor/failure.h"
#include "monitor/wake.h"
#include "server/arrays.h"
#include "server/compat.h"
#include "server/extension.h"
#include "server/index_rebuild.h"
#include "server/process.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/pause.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

constexpr int begun = 99;         // the fillfactor of a key while this process rebuilds the key
constexpr int packed = 100;       // the fillfactor of a packed key
constexpr size_t failed_max = 16; // after this number of keys with errors, the next error ends the process

// Selects the oldest key that is not packed. $1 and $2 are the tables of the readings. $3 is
// heartbeat.pack_after, and $4 is heartbeat.retention, both in minutes. $5 has the table partitions whose key
// could not be packed in this run. The end of a week is the second time in the bound of its table partition:
// FOR VALUES FROM ('...') TO ('...'). Without the CASE, PostgreSQL could also convert the bounds of other
// tables to times, and fail. heartbeat does not pack a key whose storage parameters a person has set.
Statement select_key = {{OIDOID, OIDOID, INT4OID, INT4OID, OIDARRAYOID}, R"sql(
    SELECT k.oid, c.oid, k.relnamespace, k.relname::text
    FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
        JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary
        JOIN pg_class k ON k.oid = x.indexrelid,
        LATERAL (
            SELECT CASE WHEN i.inhparent IN ($1, $2)
                THEN nullif(split_part(pg_get_expr(c.relpartbound, c.oid), chr(39), 4), '')::timestamptz END) w (until)
    WHERE i.inhparent IN ($1, $2) AND c.oid <> ALL ($5)
        AND (k.reloptions IS NULL OR k.reloptions = '{fillfactor=99}')
        AND w.until <= now() - $3 * interval '1 minute'
        AND ($4 = 0 OR w.until > now() - $4 * interval '1 minute')
    ORDER BY w.until LIMIT 1)sql"};

// Selects the invalid indexes of interrupted rebuilds: REINDEX adds _ccnew or _ccold to their names.
Statement select_remains = {{OIDOID, OIDOID}, R"sql(
    SELECT array_agg(x.indexrelid)
    FROM pg_inherits i
        JOIN pg_index x ON x.indrelid = i.inhrelid AND NOT x.indisvalid
        JOIN pg_class k ON k.oid = x.indexrelid
    WHERE i.inhparent IN ($1, $2) AND k.relname ~ '_cc(new|old)[0-9]*$')sql"};

struct Key {
    Oid index; // InvalidOid: no key is left
    Oid table;
    Oid schema;
    char name[NAMEDATALEN];
};

struct FailedTables {
    size_t count;
    Oid tables[failed_max];
};

// Begins a transaction, and sets $1 and $2 to the tables of the readings. Returns false, without a
// transaction, if the extension is missing, or if other servers have the rows.
bool begin_reading(Datum *parents) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return false;
    if (!tables_layout().bulk_insert) {
        transaction_commit();
        return false;
    }
    parents[0] = ObjectIdGetDatum(extension_table("heartbeat_records"));
    parents[1] = ObjectIdGetDatum(extension_table("heartbeat_anomalies"));
    return true;
}

Key find_key(const FailedTables &failed) {
    Key key = {};
    Datum values[5];
    if (!begin_reading(values))
        return key;
    values[2] = Int32GetDatum(settings.pack_after);
    values[3] = Int32GetDatum(settings.retention);
    values[4] = array_of_fixed<Oid>(failed.count, OIDOID, [&](size_t i) { return failed.tables[i]; });
    if (statement_execute(&select_key, values, nullptr, SPI_OK_SELECT) > 0) {
        key.index = DatumGetObjectId(statement_value(0, 1, OIDOID));
        key.table = DatumGetObjectId(statement_value(0, 2, OIDOID));
        key.schema = DatumGetObjectId(statement_value(0, 3, OIDOID));
        strlcpy(key.name, statement_text(0, 4), sizeof(key.name));
    }
    transaction_commit();
    return key;
}

// Returns the OIDs that select_remains finds, in the caller's memory context, or nullptr.
const ArrayType *find_remains() {
    MemoryContext context = CurrentMemoryContext;
    Datum parents[2];
    if (!begin_reading(parents))
        return nullptr;
    statement_execute(&select_remains, parents, nullptr, SPI_OK_SELECT);
    bool none;
    Datum found = statement_value(0, 1, OIDARRAYOID, &none);
    MemoryContextSwitchTo(context);
    const ArrayType *remains = none ? nullptr : DatumGetArrayTypePCopy(found);
    transaction_commit();
    return remains;
}

template <typename Act> void in_transaction(const char *lock_timeout, Act act) {
    SetConfigOption("lock_timeout", lock_timeout, PGC_SUSET, PGC_S_OVERRIDE);
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    act();
    PopActiveSnapshot();
    CommitTransactionCommand();
}

void drop_remains() {
    const ArrayType *remains = find_remains();
    for (int i = 0; remains != nullptr && i < ARR_DIMS(remains)[0]; i++) {
        Oid index = reinterpret_cast<const Oid *>(ARR_DATA_PTR(remains))[i];
        in_transaction("1s", [=] { index_drop_invalid(index); });
    }
}

void pack(const Key &key) {
    in_transaction("10s", [&] {
        // the long rebuild begins only if no other session has locked the table
        LockRelationOid(key.table, ShareUpdateExclusiveLock);
        index_set_fillfactor(key.index, begun);
    });
    SetConfigOption("lock_timeout", "10min", PGC_SUSET, PGC_S_OVERRIDE);
    index_rebuild(key.index);
    in_transaction("10s", [&] {
        Oid rebuilt = get_relname_relid(key.name, key.schema);
        if (OidIsValid(rebuilt))
            index_set_fillfactor(rebuilt, packed);
    });
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION), errmsg("heartbeat: packed \"%s\"", key.name),
                  errhidecontext(true)));
}

void check_version() {
    if (!index_rebuild_is_safe())
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("heartbeat.pack_after needs PostgreSQL 14.4 or newer"),
                        errhint("Update PostgreSQL, or set heartbeat.pack_after to 0.")));
}

// Packs keys until no key is left. After an error, *key is the key that was not packed.
void pack_keys(const FailedTables &failed, Key *key) {
    check_version();
    drop_remains();
    while (settings.pack_after != 0 && !pause_for_maintenance()) {
        *key = {};
        in_transaction("10s", [] { index_wait_for_snapshots(); });
        *key = find_key(failed);
        if (!OidIsValid(key->index))
            return;
        pgstat_report_activity(STATE_RUNNING, "packing old weeks");
        pack(*key);
        pgstat_report_activity(STATE_IDLE, nullptr);
        process_take_reload();
    }
}

// Calls pack_keys(), and catches its error. Returns true if the process can try the other keys.
bool attempt(FailedTables *failed) {
    static Failure failure;
    static Key key; // the value stays after an error
    key = {};
    volatile bool ok = true;
    volatile bool ends = false;
    PG_TRY();
    {
        process_allow_cancel();
        pack_keys(*failed, &key);
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        ok = false;
        ends = geterrcode() == ERRCODE_QUERY_CANCELED ||
               ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_INSUFFICIENT_RESOURCES; // such as a full disk
        failure_take(&failure);
    }
    PG_END_TRY();
    if (ok && failed->count == 0)
        duty_done(Duty::packing);
    if (ok)
        return false;
    failure_explain(&failure);
    if (failed->count == 0) // the first failure is the reason that a person sees
        duty_failed(Duty::packing, failure.reason, failure.hint, false);
    if (ends || !OidIsValid(key.table) || failed->count == failed_max)
        return false;
    failed->tables[failed->count++] = key.table;
    return true;
}

void end_packing(int /*code*/, Datum /*argument*/) {
    pg_atomic_write_u32(&shared_state->packing, 0);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_packing_main(Datum /*argument*/) {
    static FailedTables failed;
    process_begin();
    uint32 none = 0;
    if (!pg_atomic_compare_exchange_u32(&shared_state->packing, &none, static_cast<uint32>(MyProcPid)))
        proc_exit(0);
    before_shmem_exit(end_packing, 0);
    wake_maintenance(); // the maintenance worker watches this process
    process_connect(settings.database);
    SetConfigOption("datestyle", "ISO", PGC_SUSET, PGC_S_OVERRIDE); // select_key reads the text of a time
    SetConfigOption("timezone", "UTC", PGC_SUSET, PGC_S_OVERRIDE);
    // a parallel rebuild could take the background worker slots that other processes need
    SetConfigOption("max_parallel_maintenance_workers", "0", PGC_SUSET, PGC_S_OVERRIDE);
    tables_prepare_process();
    duty_begins(Duty::packing);
    while (attempt(&failed)) {
    }
    proc_exit(0);
}
