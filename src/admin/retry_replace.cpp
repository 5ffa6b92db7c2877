// Replaces stored readings with the readings of dead letters, each message in a subtransaction. The heart
// rate decides whether a reading belongs to heartbeat_records or to heartbeat_anomalies. After a change of
// the mapping or of the message, the reading in conflict can belong to one of these tables while the stored
// reading is in the other table. Then this file also deletes the stored reading.
#include "server/server.h"

#include "admin/retry_replace.h"
#include "decode/classify.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "server/subtransaction.h"
#include "store/conflicts.h"
#include "store/offsets.h"
#include "store/replace.h"

namespace heartbeat {

namespace {

// The readings in conflict that the dead letters contain, in the order of the dead letters.
Statement select_conflicts = {{INT8ARRAYOID}, R"sql(
    SELECT n.place::integer - 1, r.customer_id, r.event_timestamp, r.device_id, r.heart_rate
    FROM unnest($1) WITH ORDINALITY AS n (id, place)
        JOIN @extschema@.heartbeat_dead_letters l ON l.id = n.id,
        jsonb_to_recordset(CASE jsonb_typeof(l.readings) WHEN 'array' THEN l.readings END) AS r (
            customer_id text, event_timestamp timestamptz, device_id text, heart_rate double precision)
    WHERE r.customer_id IS NOT NULL AND r.event_timestamp IS NOT NULL AND r.device_id IS NOT NULL
        AND r.heart_rate IS NOT NULL
    ORDER BY n.place)sql"};

struct Work {
    Batch *batch;
    const BatchMessage *message;
    const bool *moved; // moved[i]: reading i of the batch is in another table than the stored reading
    Replaced replaced;
};

bool is_text(const Batch *batch, BatchBytes piece, const char *text) {
    int size;
    const char *own = array_server_text(batch, piece, &size);
    return strlen(text) == static_cast<size_t>(size) && memcmp(own, text, strlen(text)) == 0;
}

// Compares one row of select_conflicts with the readings of its message. Sets moved[i] if reading i of the
// batch has the same customer, time and device as the row, but belongs to another table: one heart rate is
// normal, and the other is an anomaly.
void mark_moved(const Batch *batch, uint64_t row, bool *moved) {
    const BatchMessage &message = batch->messages[static_cast<size_t>(statement_int4(row, 1))];
    const char *customer_id = statement_text(row, 2), *device_id = statement_text(row, 4);
    TimestampTz time = DatumGetTimestampTz(statement_value(row, 3, TIMESTAMPTZOID));
    HeartRateClass before = classify_heart_rate(DatumGetFloat8(statement_value(row, 5, FLOAT8OID)));
    for (uint32_t i = message.first_reading; i < message.first_reading + message.readings; i++) {
        const BatchReading &reading = batch->readings[i];
        bool other_table =
            (reading.heart_rate_class == HeartRateClass::normal) != (before == HeartRateClass::normal);
        if (other_table && to_timestamptz(reading.event_time) == time &&
            is_text(batch, reading.customer_id, customer_id) && is_text(batch, reading.device_id, device_id))
            moved[i] = true;
    }
}

const bool *find_moved(const RetryLetters &letters) {
    const Batch *batch = letters.batch;
    auto *moved = static_cast<bool *>(palloc0(batch->readings.size() + 1));
    Datum ids = array_of_int8(batch->messages.size(), [&](size_t i) { return letters.chosen[i].id; });
    uint64_t count = statement_execute(&select_conflicts, &ids, nullptr, SPI_OK_SELECT);
    for (uint64_t row = 0; row < count; row++)
        mark_moved(batch, row, moved);
    SPI_freetuptable(SPI_tuptable);
    return moved;
}

// Raises an error if the database refuses a new heart rate, or if another session has deleted the stored
// reading.
void replace_message(void *argument) {
    auto *work = static_cast<Work *>(argument);
    work->replaced = {};
    const BatchMessage &message = *work->message;
    for (uint32_t i = message.first_reading; i < message.first_reading + message.readings; i++) {
        BatchReading &reading = work->batch->readings[i];
        if (work->moved[i])
            replace_remove_other(work->batch, reading, &work->replaced);
        // if the primary key of a table partition does not contain the device, the stored reading can be of
        // another device, and must then stay
        if (!reading.conflict || reading.other_device)
            continue;
        if (!replace_reading(work->batch, reading, &work->replaced))
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("another session has deleted the stored reading that the retry replaces"),
                            errhint("Call heartbeat_retry_dead_letters() again.")));
    }
}

// Each replaced reading counts as one conflict less and one duplicate more. Each stored reading that this
// file has deleted counts as one stored reading less and one duplicate more. So the sum of all counts stays
// the same.
void note_replaced(const Work &work, PartitionCounts *counts) {
    const BatchMessage &message = *work.message;
    int64_t settled = 0, stored = 0;
    for (uint32_t i = message.first_reading; i < message.first_reading + message.readings; i++) {
        BatchReading &reading = work.batch->readings[i];
        if (!reading.conflict || reading.other_device)
            continue;
        reading.conflict = false;
        reading.duplicate = true;
        settled++;
    }
    for (int i = 0; i < heart_rate_classes; i++) {
        counts->stored[i] += work.replaced.stored[i];
        stored += work.replaced.stored[i];
    }
    counts->conflicts -= settled;
    counts->duplicates += settled - stored;
}

} // namespace

void retry_replace(RetryLetters *letters, PartitionCounts *counts) {
    Batch *batch = letters->batch;
    if (!offsets_have_sources())
        return;
    Work work = {batch, nullptr, find_moved(*letters), {}};
    for (size_t i = 0; i < batch->messages.size(); i++) {
        work.message = &batch->messages[i];
        bool any_moved = std::any_of(work.moved + work.message->first_reading,
                                     work.moved + work.message->first_reading + work.message->readings,
                                     [](bool one) { return one; });
        if (work.message->is_dead_letter() || (!any_moved && conflicts_of(batch, *work.message) == 0))
            continue;
        CaughtError refusal;
        if (subtransaction_try(replace_message, &work, subtransaction_is_row_error, &refusal))
            note_replaced(work, &counts[work.message->partition_index]);
        else
            letters->chosen[i].refusal = psprintf("%s: %s", refusal.sqlstate, refusal.message);
    }
}

} // namespace heartbeat
