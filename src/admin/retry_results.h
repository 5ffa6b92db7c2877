// Writes the results of a retry to the dead letters, and counts these results. retry.cpp calls this file
// after it has stored the batch. This file decodes no message and stores no message.
#pragma once

#include "admin/retry_letters.h"
#include "store/partition_counts.h"

namespace heartbeat {

struct RetryResults {
    HTAB *errors; // for each error code, the number of dead letters that stay unresolved
    int64_t resolved;
    int64_t remaining;
};

// Creates RetryResults::errors in the current memory context.
HTAB *retry_results_create_errors();

// Adds the stored messages of the batch to the counter adjustments of their dead letters. `counts` is the
// result of store_batch().
void retry_results_count(const RetryLetters &letters, const PartitionCounts *counts);

// Marks dead letters as resolved if their messages are now stored without a conflict.
void retry_results_resolve(RetryResults *results, const RetryLetters &letters);

// Stores the present error of each dead letter of the batch that stays unresolved.
void retry_results_note_errors(RetryResults *results, const RetryLetters &letters);

// Returns RetryResults::errors as jsonb, such as {"INVALID_JSON": 3}.
Datum retry_results_errors(const RetryResults &results);

} // namespace heartbeat
