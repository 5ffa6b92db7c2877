// Writes the results of a retry to the dead letters, and counts them. retry.cpp calls it after it has stored
// the batch. It decodes and stores no message.
#pragma once

#include "admin/retry_letters.h"
#include "store/partition_counts.h"

namespace heartbeat {

struct RetryResults {
    HTAB *errors; // for each error code, the number of letters that remain dead letters
    int64_t resolved;
    int64_t remaining;
};

// Creates RetryResults::errors in the current memory context.
HTAB *retry_results_create_errors();

// Marks the letters of the batch that are readings now as resolved. `counts` is the result of store_batch().
void retry_results_resolve(RetryResults *results, const RetryLetters &letters, const PartitionCounts *counts);

// Stores the present error of each other letter of the batch.
void retry_results_note_errors(RetryResults *results, const RetryLetters &letters);

// Returns RetryResults::errors as jsonb, such as {"INVALID_JSON": 3}.
Datum retry_results_errors(const RetryResults &results);

} // namespace heartbeat
