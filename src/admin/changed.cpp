// The trigger on heartbeat_records keeps vw_customer_bpm_summary exact when a session updates, deletes or
// truncates readings. The trigger writes the minutes of these readings to heartbeat_stale_minutes. The
// trigger runs in the session that changes the readings, but acts as the extension's owner. So the session's
// role needs no right on heartbeat_stale_minutes.
#include "server/server.h"

#include "admin/changed_bounds.h"
#include "admin/commit_hooks.h"
#include "server/extension.h"
#include "server/statement.h"

extern "C" {
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(heartbeat_mark_changed);
PG_FUNCTION_INFO_V1(heartbeat_own_changes);
}

namespace heartbeat {

namespace {

constexpr long minutes_remembered_max = 100'000;

Statement insert_mark = {{TIMESTAMPTZOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket) VALUES ($1))sql"};

// Marks each minute from $1 (included) to $2 (excluded) if the rollup has rows of this minute.
Statement insert_marks_between = {{TIMESTAMPTZOID, TIMESTAMPTZOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket)
    SELECT r.minute_bucket FROM @extschema@.heartbeat_rollup r
    WHERE r.minute_bucket >= $1 AND r.minute_bucket < $2
    UNION SELECT p.minute_bucket FROM @extschema@.heartbeat_rollup_pending p
    WHERE p.minute_bucket >= $1 AND p.minute_bucket < $2)sql"};

Statement insert_marks_of_default = {R"sql(
    INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket)
    SELECT DISTINCT date_trunc('minute', r.event_timestamp, 'UTC')
    FROM @extschema@.heartbeat_records_default r
    WHERE isfinite(r.event_timestamp))sql"};

// Minutes that this transaction has marked. If a subtransaction aborts, PostgreSQL removes the marks of this
// subtransaction from the table. `marked` does not show which subtransaction has marked a minute. So after
// the abort, the session empties `marked`. The trigger can then mark a minute a second time, which does no
// harm.
HTAB *marked = nullptr;
// heartbeat_own_changes(true) sets own_level to the nesting level of the current transaction. While own_level
// is not 0, a function of the extension changes the readings, and this function itself keeps the rollup
// correct. So the trigger does not mark the minutes of updated or deleted readings.
int own_level = 0;

void forget() {
    marked = nullptr; // PostgreSQL frees this memory at the end of the transaction
}

void transaction_ended(XactEvent event, void * /*argument*/) {
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) {
        forget();
        own_level = 0;
    }
}

void subtransaction_ended(SubXactEvent event, SubTransactionId /*own*/, SubTransactionId /*parent*/,
                          void * /*argument*/) {
    if (event != SUBXACT_EVENT_ABORT_SUB)
        return;
    if (marked != nullptr)
        hash_destroy(marked);
    forget();
    if (own_level >= GetCurrentTransactionNestLevel())
        own_level = 0;
}

void register_callbacks() {
    static bool registered = false;
    if (registered)
        return;
    RegisterXactCallback(transaction_ended, nullptr);
    RegisterSubXactCallback(subtransaction_ended, nullptr);
    registered = true;
}

// Adds the minute to `marked`. Returns false if this transaction has marked the minute already.
bool remember(TimestampTz minute) {
    if (marked != nullptr && hash_get_num_entries(marked) >= minutes_remembered_max) {
        hash_destroy(marked);
        forget();
    }
    if (marked == nullptr) {
        HASHCTL control = {};
        control.keysize = control.entrysize = sizeof(TimestampTz);
        control.hcxt = TopTransactionContext;
        marked =
            hash_create("heartbeat marked minutes", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    bool found;
    hash_search(marked, &minute, HASH_ENTER, &found);
    return !found;
}

void set_until_end(const char *name, const char *value) {
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

// Executes a statement as the extension's owner. The statement runs with search_path = pg_catalog, pg_temp,
// and not with the search_path of the session.
void execute_as_owner(const Extension &extension, Statement *statement, const Datum *values) {
    Oid user;
    int security;
    GetUserIdAndSecContext(&user, &security);
    int settings = NewGUCNestLevel();
    SetUserIdAndSecContext(extension.owner, security | SECURITY_LOCAL_USERID_CHANGE);
    set_until_end("search_path", "pg_catalog, pg_temp");
    set_until_end("row_security", "off");
    SPI_connect();
    statement_execute(statement, values, nullptr, SPI_OK_INSERT);
    SPI_finish();
    AtEOXact_GUC(true, settings);
    SetUserIdAndSecContext(user, security);
    commit_hooks_roll_up_later();
}

void mark(Relation table, HeapTuple reading) {
    int column = SPI_fnumber(RelationGetDescr(table), "event_timestamp");
    if (column <= 0 || SPI_gettypeid(RelationGetDescr(table), column) != TIMESTAMPTZOID)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("table \"%s\" has no column \"event_timestamp\" of type timestamptz",
                               RelationGetRelationName(table)),
                        errhint("Undo the change of this column.")));
    bool null;
    Datum value = heap_getattr(reading, column, RelationGetDescr(table), &null);
    TimestampTz time = null ? DT_NOEND : DatumGetTimestampTz(value);
    if (TIMESTAMP_NOT_FINITE(time))
        return;
    TimestampTz into_minute = time % USECS_PER_MINUTE;
    TimestampTz minute = time - into_minute - (into_minute < 0 ? USECS_PER_MINUTE : 0);
    Extension extension;
    if (!remember(minute) || !extension_find(&extension)) // extension_find() fails during DROP EXTENSION
        return;
    Datum mark = TimestampTzGetDatum(minute);
    execute_as_owner(extension, &insert_mark, &mark);
}

// Marks the minutes of a table that a session truncates. A table partition that was detached from
// heartbeat_records may still have the trigger. For such a table this function marks nothing.
void mark_all(Relation table) {
    Extension extension;
    if (!extension_find(&extension))
        return;
    Oid records = get_relname_relid("heartbeat_records", extension.schema);
    Oid oid = RelationGetRelid(table);
    if (oid != records &&
        !(table->rd_rel->relispartition && list_member_oid(get_partition_ancestors(oid), records)))
        return;
    if (oid == get_default_partition_oid(records) &&
        oid == get_relname_relid("heartbeat_records_default", extension.schema)) {
        execute_as_owner(extension, &insert_marks_of_default, nullptr);
        return;
    }
    TimestampTz begin, end;
    changed_bounds(table, records, &begin, &end);
    Datum values[2] = {TimestampTzGetDatum(begin), TimestampTzGetDatum(end)};
    execute_as_owner(extension, &insert_marks_between, values);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_mark_changed(PG_FUNCTION_ARGS) {
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
        TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("heartbeat_mark_changed() can only be called as a trigger before UPDATE, "
                               "DELETE or TRUNCATE")));
    register_callbacks();
    if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)) {
        mark_all(trigger->tg_relation);
        PG_RETURN_POINTER(nullptr);
    }
    bool updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    if (own_level == 0) {
        mark(trigger->tg_relation, trigger->tg_trigtuple);
        if (updated)
            mark(trigger->tg_relation, trigger->tg_newtuple);
    }
    PG_RETURN_POINTER(updated ? trigger->tg_newtuple : trigger->tg_trigtuple);
}

// The extension's SQL functions call heartbeat_own_changes(true) before they move or delete readings. The
// trigger then does not mark the minutes of updated or deleted readings. This lasts until
// heartbeat_own_changes(false), an error, or the end of the transaction.
extern "C" Datum heartbeat_own_changes(PG_FUNCTION_ARGS) {
    register_callbacks();
    own_level = PG_GETARG_BOOL(0) ? GetCurrentTransactionNestLevel() : 0;
    PG_RETURN_VOID();
}
