// The dead letters that a retry has in hand.
#pragma once

#include "admin/retry_filters.h"
#include "decode/batch.h"
#include "store/counter_adjustments.h"

namespace heartbeat {

inline constexpr int retry_letters_at_once = 500;

struct RetryLetter {
    int64_t id;
    int64_t bytes;
    CounterAdjustment *adjustment; // of its partition
};

struct RetryLetters {
    Batch *batch;
    Datum values[retry_filters + 2]; // and the last id that was looked at, and how many to look at
    char nulls[retry_filters + 2];
    HTAB *adjustments;
    RetryLetter locked[retry_letters_at_once];
    RetryLetter *chosen; // those of them that are in the batch
};

// Locks the next letters that the filters choose; returns how many.
size_t retry_letters_lock(RetryLetters *letters);

// Decodes the first `count` of the chosen letters into the batch, which is empty.
void retry_letters_decode(RetryLetters *letters, size_t count);

} // namespace heartbeat
