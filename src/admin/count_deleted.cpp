// The trigger on heartbeat_dead_letters. It counts the unresolved dead letters that a person or retention
// deletes. This counter keeps heartbeat_audit_tables() exact. The worker compares heartbeat.dead_letter_limit
// with the number of unresolved dead letters. With this counter the worker does not have to count rows to
// find that number.
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "server/extension.h"
#include "server/settings.h"
#include "server/statement.h"

extern "C" {
#include "commands/trigger.h"

PG_FUNCTION_INFO_V1(heartbeat_count_deleted);
}

namespace heartbeat {

namespace {

Statement count_all = {R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET dead_letters_deleted = dead_letters
    WHERE dead_letters_deleted <> dead_letters)sql"};

// deleted_letters is the trigger's transition table.
Statement count_deleted = {R"sql(
    UPDATE @extschema@.heartbeat_offsets o
    SET dead_letters_deleted = o.dead_letters_deleted + d.deleted
    FROM (
        SELECT topic, partition, count(*) AS deleted FROM deleted_letters
        WHERE resolved_at IS NULL
        GROUP BY topic, partition) d
    WHERE o.topic = d.topic AND o.partition = d.partition)sql"};

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
    uint64_t partitions =
        statement_execute(truncated ? &count_all : &count_deleted, nullptr, nullptr, SPI_OK_UPDATE);
    SPI_finish();
    if (partitions > 0 && settings.dead_letter_limit > 0)
        commit_hooks_wake(); // a worker that is FAILED because of heartbeat.dead_letter_limit tries again
    PG_RETURN_POINTER(nullptr);
}
