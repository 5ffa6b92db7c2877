// The trigger on heartbeat_dead_letters counts deleted dead letters. If a person or retention deletes
// unresolved dead letters, the trigger adds their number to the counter dead_letters_deleted. This counter
// has two uses. (1) The result of heartbeat_audit_tables() stays exact after a deletion. (2) A worker
// computes the number of unresolved dead letters from the counters, without reading the rows, and compares
// this number with heartbeat.dead_letter_limit. The trigger also adds the readings in conflict of deleted
// messages to the counter conflicts_deleted. The metric heartbeat_conflicts uses this counter.
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "server/extension.h"
#include "server/settings.h"
#include "server/statement.h"
#include "store/offsets.h"

extern "C" {
#include "commands/trigger.h"

PG_FUNCTION_INFO_V1(heartbeat_count_deleted);
}

namespace heartbeat {

namespace {

Statement count_all = {R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET dead_letters_deleted = dead_letters, conflicts_deleted = conflicts
    WHERE dead_letters_deleted <> dead_letters OR conflicts_deleted <> conflicts)sql"};

// A database of version 1.1 or 1.2 has no conflicts.
Statement count_all_old = {R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET dead_letters_deleted = dead_letters
    WHERE dead_letters_deleted <> dead_letters)sql"};

Statement count_all_dropped = {R"sql(
    UPDATE @extschema@.heartbeat_dropped_offsets
    SET dead_letters_deleted = dead_letters
    WHERE dead_letters_deleted <> dead_letters)sql"};

// deleted_letters is the trigger's transition table. The counter dead_letters does not include the rows of
// messages in conflict (CONFLICT), so dead_letters_deleted does not include them either. A person may have
// changed the column `readings` to a value that is no array.
Statement count_deleted = {R"sql(
    UPDATE @extschema@.heartbeat_offsets o
    SET dead_letters_deleted = o.dead_letters_deleted + d.deleted,
        conflicts_deleted = o.conflicts_deleted + d.conflicts
    FROM (
        SELECT l.source, l.topic, l.partition,
            count(*) FILTER (WHERE l.error_code <> 'CONFLICT') AS deleted,
            coalesce(sum(
                CASE WHEN l.error_code = 'CONFLICT' AND jsonb_typeof(l.readings) = 'array'
                    THEN jsonb_array_length(l.readings) END), 0)::bigint AS conflicts
        FROM deleted_letters l
        WHERE l.resolved_at IS NULL
            AND NOT EXISTS (
                SELECT FROM @extschema@.heartbeat_dropped_offsets p
                WHERE p.source = l.source AND p.topic = l.topic AND l.id <= p.last_dead_letter)
        GROUP BY l.source, l.topic, l.partition) d
    WHERE o.source = d.source AND o.topic = d.topic AND o.partition = d.partition)sql"};

// Counts the deleted dead letters of dropped sources. last_dead_letter is the last id of a dead letter before
// the source was dropped. A dead letter with a later id belongs to a later source with the same name and
// topic.
Statement count_dropped = {R"sql(
    UPDATE @extschema@.heartbeat_dropped_offsets o
    SET dead_letters_deleted = o.dead_letters_deleted + d.deleted
    FROM (
        SELECT l.source, l.topic, count(*) AS deleted
        FROM deleted_letters l JOIN @extschema@.heartbeat_dropped_offsets p
            ON p.source = l.source AND p.topic = l.topic AND l.id <= p.last_dead_letter
        WHERE l.resolved_at IS NULL AND l.error_code <> 'CONFLICT'
        GROUP BY l.source, l.topic) d
    WHERE o.source = d.source AND o.topic = d.topic)sql"};

// If the database has the tables of version 1.1 or 1.2, the trigger executes this statement instead of
// count_deleted.
Statement count_old_deleted = {R"sql(
    UPDATE @extschema@.heartbeat_offsets o
    SET dead_letters_deleted = o.dead_letters_deleted + d.deleted
    FROM (
        SELECT topic, partition, count(*) AS deleted FROM deleted_letters
        WHERE resolved_at IS NULL
        GROUP BY topic, partition) d
    WHERE o.topic = d.topic AND o.partition = d.partition)sql"};

Statement has_conflicts = {R"sql(
    SELECT EXISTS (SELECT FROM deleted_letters WHERE resolved_at IS NULL AND error_code = 'CONFLICT'))sql"};

// Returns true if a DELETE has deleted unresolved dead letters with the code CONFLICT. Also returns true
// after a TRUNCATE, because the trigger cannot see the truncated rows. heartbeat.dead_letter_limit also
// applies to these dead letters. A worker counts their rows, also the rows of a dropped source with the same
// name. count() does not notice the deletion of such a row.
bool conflicts_deleted(bool truncated) {
    if (truncated)
        return true;
    statement_execute(&has_conflicts, nullptr, nullptr, SPI_OK_SELECT);
    return statement_bool(0, 1);
}

// Changes the counters, and returns how many rows of counters have changed.
uint64_t count(bool truncated) {
    if (!offsets_have_sources())
        return statement_execute(truncated ? &count_all_old : &count_old_deleted, nullptr, nullptr,
                                 SPI_OK_UPDATE);
    uint64_t counted =
        statement_execute(truncated ? &count_all : &count_deleted, nullptr, nullptr, SPI_OK_UPDATE);
    return counted + statement_execute(truncated ? &count_all_dropped : &count_dropped, nullptr, nullptr,
                                       SPI_OK_UPDATE);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_count_deleted(PG_FUNCTION_ARGS) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("heartbeat_count_deleted() can only be called as a trigger")));
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    Extension extension;
    if (!extension_find(&extension))
        PG_RETURN_POINTER(nullptr); // the extension is being dropped
    SPI_connect();
    SPI_register_trigger_data(trigger);
    bool truncated = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
    bool fewer = count(truncated) > 0;
    fewer = fewer || conflicts_deleted(truncated);
    SPI_finish();
    if (fewer && settings.dead_letter_limit > 0)
        commit_hooks_wake(); // a worker that is FAILED because of the limit then tries again
    PG_RETURN_POINTER(nullptr);
}
