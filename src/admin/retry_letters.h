// Locks dead letters for a retry, and decodes their messages into a batch. retry.cpp calls it.
// It does not store the batch.
#pragma once

#include "admin/retry_filters.h"
#include "decode/batch.h"
#include "decode/decoder.h"
#include "store/counter_adjustments.h"

namespace heartbeat {

inline constexpr int retry_letters_at_once = 500;

struct RetryLetter {
    int64_t id;
    int64_t bytes;
    CounterAdjustment *adjustment; // the counters of its partition
};

struct RetryLetters {
    Decoder *decoder;
    Batch *batch;
    Datum values[retry_filters + 2]; // the filters, the id of the last locked letter, and how many letters to
                                     // lock
    char nulls[retry_filters + 2];
    HTAB *adjustments;
    RetryLetter locked[retry_letters_at_once];
    RetryLetter *chosen; // the first dead letter of the batch: a pointer into `locked`
};

// Locks the next dead letters that the filters choose. Returns the number of locked dead letters.
size_t retry_letters_lock(RetryLetters *letters);

// Decodes `count` dead letters into the batch, beginning with the letter at `chosen`. The batch must be
// empty.
void retry_letters_decode(RetryLetters *letters, size_t count);

} // namespace heartbeat
