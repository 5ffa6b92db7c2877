// Writes the results of a retry to the dead letters. If the message of a dead letter is now stored without a
// conflict, the dead letter becomes resolved. A dead letter that stays unresolved gets its present error,
// which can differ from the earlier error. retry.cpp calls this file after it has stored the batch.
#include "server/server.h"

#include "admin/retry_results.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/conflicts.h"
#include "store/dead_letters.h"
#include "store/offsets.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/jsonb.h"
}

namespace heartbeat {

namespace {

Statement mark_resolved = {{INT8ARRAYOID}, R"sql(
    UPDATE @extschema@.heartbeat_dead_letters
    SET resolved_at = now()
    WHERE id = ANY ($1))sql"};

constexpr Statement::Types errors_types = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
constexpr const char *update_errors_sql = R"sql(
    UPDATE @extschema@.heartbeat_dead_letters l
    SET error_code = n.error_code, error_text = n.error_text@readings@
    FROM unnest($1, $2, $3, $4) AS n (id, error_code, error_text, readings)
    WHERE l.id = n.id
        AND (l.error_code, l.error_text@old@) IS DISTINCT FROM (n.error_code, n.error_text@new@))sql";

// In heartbeat 1.1 and 1.2, heartbeat_dead_letters has no column `readings`. If n.readings is NULL, the
// column `readings` does not change.
constexpr StatementPart set_readings = {"@readings@",
                                        R"sql(, readings = coalesce(n.readings::jsonb, l.readings))sql"};
constexpr StatementPart old_readings = {"@old@", R"sql(, l.readings)sql"};
constexpr StatementPart new_readings = {"@new@", R"sql(, coalesce(n.readings::jsonb, l.readings))sql"};
constexpr StatementPart set_nothing = {"@readings@", R"sql()sql"};
constexpr StatementPart no_old = {"@old@", R"sql()sql"};
constexpr StatementPart no_new = {"@new@", R"sql()sql"};

Statement update_errors = {errors_types, {set_readings, old_readings, new_readings}, update_errors_sql};
Statement update_old_errors = {errors_types, {set_nothing, no_old, no_new}, update_errors_sql};

struct ErrorCount {
    char code[32]; // the key of the hash table, so it must be the first member
    int64_t remaining;
};

// True if the dead letter stays unresolved.
bool remains(const Batch *batch, const BatchMessage &message) {
    return message.is_dead_letter() || conflicts_of(batch, message) > 0;
}

// If `unresolved` is true, returns the indexes of the messages whose dead letters stay unresolved. If
// `unresolved` is false, returns the indexes of all other messages.
uint32_t *select_messages(const Batch *batch, bool unresolved, size_t *count) {
    auto *indexes = static_cast<uint32_t *>(palloc(sizeof(uint32_t) * batch->messages.size()));
    *count = 0;
    for (size_t i = 0; i < batch->messages.size(); i++)
        if (remains(batch, batch->messages[i]) == unresolved)
            indexes[(*count)++] = static_cast<uint32_t>(i);
    return indexes;
}

// Counts a dead letter whose message is stored now. The counters then include its message and its readings
// instead of the dead letter. But the counters already include the readings of a message in conflict, so the
// function changes only the counts of its readings in conflict. After a change of the mapping or of the
// message, the message can have more readings. The function then counts the additional readings.
void count_stored(const RetryLetter &letter, const Batch *batch, const BatchMessage &message,
                  const PartitionCounts &counts) {
    CounterAdjustment *adjustment = letter.adjustment;
    int64_t stored = 0;
    for (int i = 0; i < heart_rate_classes; i++) {
        adjustment->stored[i] += counts.stored[i];
        stored += counts.stored[i];
    }
    if (letter.is_conflict) {
        int64_t settled = letter.conflicts - counts.conflicts;
        adjustment->conflicts -= settled;
        adjustment->duplicates += std::max<int64_t>(settled - stored, 0);
        adjustment->readings += std::max<int64_t>(stored - settled, 0);
    } else {
        adjustment->dead_letters--;
        adjustment->messages += message.ignored ? 0 : 1;
        adjustment->ignored += message.ignored ? 1 : 0;
        adjustment->readings += counts.readings;
        adjustment->conflicts += counts.conflicts;
        adjustment->duplicates += counts.duplicates;
    }
    for (uint32_t i = 0; i < message.readings; i++)
        counter_adjustments_event(adjustment, batch->readings[message.first_reading + i].event_time);
}

void count_error(HTAB *errors, const char *code) {
    ErrorCount key = {};
    text_copy(key.code, code);
    bool found;
    auto *error = static_cast<ErrorCount *>(hash_search(errors, key.code, HASH_ENTER, &found));
    error->remaining = found ? error->remaining + 1 : 1;
}

// Returns the error code of a dead letter that stays unresolved. For the code CONFLICT, the counters include
// the readings of the message. For each other code, the counters include a dead letter instead. The retry
// does not change these counts, so the code CONFLICT stays, even if the message cannot be decoded any more.
const char *code_of(const RetryLetters &letters, uint32_t i) {
    return letters.chosen[i].is_conflict ? conflict_code
                                         : dead_letters_error_code(letters.batch->messages[i]);
}

const char *text_of(const RetryLetters &letters, uint32_t i) {
    const Batch *batch = letters.batch;
    const BatchMessage &message = batch->messages[i];
    const RetryLetter &letter = letters.chosen[i];
    if (!message.is_dead_letter())
        return letter.refusal == nullptr ? conflicts_text(batch, message)
                                         : psprintf("%s; the database refused the replacement: %s",
                                                    conflicts_text(batch, message), letter.refusal);
    const char *error = text_from_utf8(batch->at(message.error_text),
                                       static_cast<size_t>(std::max(message.error_text.size, 0)));
    return letter.is_conflict ? psprintf("the message cannot be stored any more: %s: %s",
                                         dead_letters_error_code(message), error)
                              : error;
}

const char *readings_of(const RetryLetters &letters, uint32_t i) {
    const BatchMessage &message = letters.batch->messages[i];
    return message.is_dead_letter() ? nullptr : conflicts_json(letters.batch, message);
}

} // namespace

HTAB *retry_results_create_errors() {
    HASHCTL control = {};
    control.keysize = sizeof(ErrorCount::code);
    control.entrysize = sizeof(ErrorCount);
    control.hcxt = CurrentMemoryContext;
    return hash_create("heartbeat errors", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void retry_results_count(const RetryLetters &letters, const PartitionCounts *counts) {
    const Batch *batch = letters.batch;
    for (size_t i = 0; i < batch->messages.size(); i++)
        if (!batch->messages[i].is_dead_letter())
            count_stored(letters.chosen[i], batch, batch->messages[i], counts[i]);
}

void retry_results_resolve(RetryResults *results, const RetryLetters &letters) {
    size_t count;
    const uint32_t *indexes = select_messages(letters.batch, false, &count);
    if (count == 0)
        return;
    Datum ids = array_of_int8(count, [&](size_t i) { return letters.chosen[indexes[i]].id; });
    statement_execute(&mark_resolved, &ids, nullptr, SPI_OK_UPDATE);
    results->resolved += static_cast<int64_t>(count);
}

void retry_results_note_errors(RetryResults *results, const RetryLetters &letters) {
    const Batch *batch = letters.batch;
    size_t count;
    const uint32_t *indexes = select_messages(batch, true, &count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        count_error(results->errors, code_of(letters, indexes[i]));
    Datum values[errors_types.count] = {
        array_of_int8(count, [&](size_t i) { return letters.chosen[indexes[i]].id; }),
        array_of_names(count, [&](size_t i) { return code_of(letters, indexes[i]); }),
        array_of_names(count, [&](size_t i) { return text_of(letters, indexes[i]); }),
        array_of_names(count, [&](size_t i) { return readings_of(letters, indexes[i]); }),
    };
    statement_execute(offsets_have_sources() ? &update_errors : &update_old_errors, values, nullptr,
                      SPI_OK_UPDATE);
    results->remaining += static_cast<int64_t>(count);
}

Datum retry_results_errors(const RetryResults &results) {
    StringInfoData text;
    initStringInfo(&text);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, results.errors);
    while (const auto *error = static_cast<const ErrorCount *>(hash_seq_search(&scan))) {
        appendStringInfoString(&text, text.len == 0 ? "{" : ",");
        escape_json(&text, error->code);
        appendStringInfo(&text, ":%lld", static_cast<long long>(error->remaining));
    }
    appendStringInfoString(&text, text.len == 0 ? "{}" : "}");
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

} // namespace heartbeat
