// What has become of the dead letters that were retried.
#pragma once

#include "admin/retry_letters.h"
#include "store/partition_counts.h"

namespace heartbeat {

struct RetryResults {
    HTAB *errors; // of those that remain, by code
    int64_t resolved;
    int64_t remaining;
};

// In the current memory context.
HTAB *retry_results_create_errors();

// The letters of the batch that are readings now are resolved. `counts`: what store_batch() returned.
void retry_results_resolve(RetryResults *results, const RetryLetters &letters, const PartitionCounts *counts);

// The other letters of the batch keep the error that they have now.
void retry_results_note_errors(RetryResults *results, const RetryLetters &letters);

// As jsonb: {"INVALID_JSON": 3}
Datum retry_results_errors(const RetryResults &results);

} // namespace heartbeat
