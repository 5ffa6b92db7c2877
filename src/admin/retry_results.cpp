// Writes the results of a retry to the dead letters. If a dead letter is now a reading, it becomes resolved.
// If it is still no reading, it gets its present error, which can differ from its earlier error. retry.cpp
// calls this file after it has stored the batch.
#include "server/server.h"

#include "admin/retry_results.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/dead_letters.h"

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

Statement update_errors = {{INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}, R"sql(
    UPDATE @extschema@.heartbeat_dead_letters l
    SET error_code = n.error_code, error_text = n.error_text
    FROM unnest($1, $2, $3) AS n (id, error_code, error_text)
    WHERE l.id = n.id AND (l.error_code, l.error_text) IS DISTINCT FROM (n.error_code, n.error_text))sql"};

struct ErrorCount {
    char code[32]; // the key of the hash table, so it must be the first member
    int64_t remaining;
};

// Returns the indexes of the messages that are readings now. If `readings` is false, returns the indexes of
// all other messages.
uint32_t *select_messages(const Batch *batch, bool readings, size_t *count) {
    auto *indexes = static_cast<uint32_t *>(palloc(sizeof(uint32_t) * batch->messages.size()));
    *count = 0;
    for (size_t i = 0; i < batch->messages.size(); i++)
        if (batch->messages[i].is_reading() == readings)
            indexes[(*count)++] = static_cast<uint32_t>(i);
    return indexes;
}

// Changes how the counters count the offset of a resolved dead letter: as a reading or a duplicate, and no
// longer as a dead letter. So they count each offset once.
void count_resolved(CounterAdjustment *adjustment, const PartitionCounts &counts, int64_t event_time) {
    adjustment->dead_letters--;
    for (int i = 0; i < heart_rate_classes; i++)
        adjustment->stored[i] += counts.stored[i];
    adjustment->duplicates += counts.duplicates;
    counter_adjustments_event(adjustment, event_time);
}

void count_error(HTAB *errors, const char *code) {
    ErrorCount key = {};
    text_copy(key.code, code);
    bool found;
    auto *error = static_cast<ErrorCount *>(hash_search(errors, key.code, HASH_ENTER, &found));
    error->remaining = found ? error->remaining + 1 : 1;
}

} // namespace

HTAB *retry_results_create_errors() {
    HASHCTL control = {};
    control.keysize = sizeof(ErrorCount::code);
    control.entrysize = sizeof(ErrorCount);
    control.hcxt = CurrentMemoryContext;
    return hash_create("heartbeat errors", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void retry_results_resolve(RetryResults *results, const RetryLetters &letters,
                           const PartitionCounts *counts) {
    size_t count;
    const uint32_t *indexes = select_messages(letters.batch, true, &count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        count_resolved(letters.chosen[indexes[i]].adjustment, counts[indexes[i]],
                       letters.batch->messages[indexes[i]].event_time);
    Datum ids = array_of_int8(count, [&](size_t i) { return letters.chosen[indexes[i]].id; });
    statement_execute(&mark_resolved, &ids, nullptr, SPI_OK_UPDATE);
    results->resolved += static_cast<int64_t>(count);
}

void retry_results_note_errors(RetryResults *results, const RetryLetters &letters) {
    const Batch *batch = letters.batch;
    size_t count;
    const uint32_t *indexes = select_messages(batch, false, &count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        count_error(results->errors, dead_letters_error_code(batch->messages[indexes[i]]));
    Datum values[3] = {
        array_of_int8(count, [&](size_t i) { return letters.chosen[indexes[i]].id; }),
        array_of_names(count, [&](size_t i) { return dead_letters_error_code(batch->messages[indexes[i]]); }),
        array_of_shown_text(batch, count, [&](size_t i) { return batch->messages[indexes[i]].error_text; }),
    };
    statement_execute(&update_errors, values, nullptr, SPI_OK_UPDATE);
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
