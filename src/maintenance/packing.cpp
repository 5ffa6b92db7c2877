// The process that packs old weeks. For each key the process first sets the key's fillfactor to `begun`, then
// rebuilds the key, and then sets the fillfactor to `packed`. So after an error or a crash, the next process
// sees that the key is not packed yet.
#include "server/server.h"

#include "maintenance/packing.h"
#include "monitor/duties.h"
#include "monitor/failure.h"
#include "monitor/worker_slot.h"
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
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

constexpr int begun = 99;   // the fillfactor of a key while this process rebuilds the key
constexpr int packed = 100; // the fillfactor of a packed key

// Selects the oldest key that is not packed. $1 and $2 are the tables of the readings, $3 is
// heartbeat.pack_after, and $4 is heartbeat.retention, both in minutes. The bound of a week's table partition
// is the text FOR VALUES FROM ('...') TO ('...'). If a person has set the storage parameters of a key,
// heartbeat does not pack this key.
Statement select_key = {{OIDOID, OIDOID, INT4OID, INT4OID}, R"sql(
    SELECT k.oid, k.reloptions IS NOT NULL
    FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
        JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary
        JOIN pg_class k ON k.oid = x.indexrelid,
        LATERAL (SELECT nullif(split_part(pg_get_expr(c.relpartbound, c.oid), chr(39), 4), '')::timestamptz) w (until)
    WHERE i.inhparent IN ($1, $2)
        AND (k.reloptions IS NULL OR k.reloptions = '{fillfactor=99}')
        AND w.until <= now() - $3 * interval '1 minute'
        AND ($4 = 0 OR w.until > now() - $4 * interval '1 minute')
    ORDER BY w.until LIMIT 1)sql"};

struct Key {
    Oid index;      // InvalidOid: no key is left
    bool was_begun; // an earlier process has begun to pack the key, and has not finished
    char name[NAMEDATALEN];
};

// Returns the next key. heartbeat packs no tables whose rows are on other servers.
Key find_key() {
    Key key = {};
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return key;
    if (tables_layout().bulk_insert) {
        Datum values[4] = {ObjectIdGetDatum(extension_table("heartbeat_records")),
                           ObjectIdGetDatum(extension_table("heartbeat_anomalies")),
                           Int32GetDatum(settings.pack_after), Int32GetDatum(settings.retention)};
        if (statement_execute(&select_key, values, nullptr, SPI_OK_SELECT) > 0) {
            key.index = DatumGetObjectId(statement_value(0, 1, OIDOID));
            key.was_begun = statement_bool(0, 2);
            strlcpy(key.name, get_rel_name(key.index), sizeof(key.name));
        }
    }
    transaction_commit();
    return key;
}

template <typename Act> void in_transaction(const char *lock_timeout, Act act) {
    SetConfigOption("lock_timeout", lock_timeout, PGC_SUSET, PGC_S_OVERRIDE);
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    act();
    PopActiveSnapshot();
    CommitTransactionCommand();
}

void pack(const Key &key) {
    Oid schema = InvalidOid;
    in_transaction("10s", [] { index_wait_for_snapshots(); });
    in_transaction("1s", [&] {
        schema = get_rel_namespace(key.index);
        if (key.was_begun)
            index_drop_remains(key.index);
        index_set_fillfactor(key.index, begun);
    });
    SetConfigOption("lock_timeout", "10min", PGC_SUSET, PGC_S_OVERRIDE);
    index_rebuild(key.index);
    in_transaction("10s", [&] { index_set_fillfactor(get_relname_relid(key.name, schema), packed); });
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION), errmsg("heartbeat: packed \"%s\"", key.name),
                  errhidecontext(true)));
}

// In these versions REINDEX CONCURRENTLY can build a corrupt index.
void check_version() {
    if (atoi(GetConfigOption("server_version_num", false, false)) < 140004)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("heartbeat.pack_after needs PostgreSQL 14.4 or newer"),
                        errhint("Update PostgreSQL, or set heartbeat.pack_after to 0.")));
}

// Packs one key. Returns false if no key is left.
bool pack_next() {
    if (settings.pack_after == 0 || pause_for_maintenance())
        return false;
    check_version();
    Key key = find_key();
    if (!OidIsValid(key.index))
        return false;
    pgstat_report_activity(STATE_RUNNING, "packing old weeks");
    pack(key);
    pgstat_report_activity(STATE_IDLE, nullptr);
    return true;
}

// Packs all keys. Catches an error, so that heartbeat_maintenance shows it.
void pack_all() {
    static Failure failure;
    volatile bool failed = false;
    duty_begins(Duty::packing);
    PG_TRY();
    {
        process_allow_cancel();
        while (pack_next())
            process_take_reload();
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        failed = true;
        failure_take(&failure);
    }
    PG_END_TRY();
    if (!failed)
        return duty_done(Duty::packing);
    failure_explain(&failure);
    duty_failed(Duty::packing, failure.reason, failure.hint, failure.is_of_lock);
}

void end_packing(int /*code*/, Datum /*argument*/) {
    pg_atomic_write_u32(&shared_state->packing, 0);
}

} // namespace

void packing_start() {
    if (pg_atomic_read_u32(&shared_state->packing) == 1)
        return;
    BackgroundWorker process;
    process_describe(&process, "heartbeat_packing_main", "heartbeat packing");
    if (!RegisterDynamicBackgroundWorker(&process, nullptr))
        duty_failed(Duty::packing, "no background worker slot is free to pack old weeks",
                    "Raise max_worker_processes by 1 and restart the server.", false);
}

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_packing_main(Datum /*argument*/) {
    process_begin();
    if (pg_atomic_exchange_u32(&shared_state->packing, 1) == 1)
        proc_exit(0);
    before_shmem_exit(end_packing, 0);
    process_connect(settings.database);
    SetConfigOption("datestyle", "ISO", PGC_SUSET, PGC_S_OVERRIDE); // select_key reads the text of a time
    SetConfigOption("timezone", "UTC", PGC_SUSET, PGC_S_OVERRIDE);
    tables_prepare_process();
    pack_all();
    proc_exit(0);
}
