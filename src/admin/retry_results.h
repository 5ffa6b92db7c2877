// Writes the results of a retry to the dead letters, and counts these results. retry.cpp calls this file
// after it has stored the batch. This file decodes no message and stores no message.
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

// Some dead letters of the batch are readings now. Marks these dead letters as resolved. `counts` is the
// result of store_batch().
void retry_results_resolve(RetryResults *results, const RetryLetters &letters, const PartitionCounts *counts);

// Stores the present error of each dead letter of the batch that is still no reading.
void retry_results_note_errors(RetryResults *results, const RetryLetters &letters);

// Returns RetryResults::errors as jsonb, such as {"INVALID_JSON": 3}.
Datum retry_results_errors(const RetryResults &results);

} // namespace heartbeat
