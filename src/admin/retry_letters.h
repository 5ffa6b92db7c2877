// Locks dead letters for a retry, and decodes their messages into a batch. retry.cpp calls this file. This
// file does not store the batch.
#pragma once

#include "admin/retry_filters.h"
#include "decode/batch.h"
#include "decode/decoder.h"
#include "store/counter_adjustments.h"
#include "store/sources.h"

namespace heartbeat {

inline constexpr int retry_letters_at_once = 500;

struct SourceDecoder {
    char name[NAMEDATALEN]; // padded with zeros, because the hash table compares all bytes
    Source source;
    Decoder *decoder;
};

struct RetryLetter {
    int64_t id;
    int64_t bytes;
    CounterAdjustment *adjustment; // adjusts the counters of the letter's Kafka partition
    bool is_conflict;              // the message was stored, except for its readings in conflict
    int64_t conflicts;             // the number of readings in conflict
    const SourceDecoder *decoder;  // decodes with the present layout of the source
    const char *refusal;           // why the database refused to replace readings; nullptr: no refusal
};

struct RetryLetters {
    MemoryContext context; // holds the memory of the decoders' sources
    HTAB *decoders;        // see retry_letters_create_decoders()
    Batch *batch;
    // the filters, the id of the last locked dead letter, the number of dead letters to lock, and the source
    Datum values[retry_filters + 3];
    char nulls[retry_filters + 3];
    HTAB *adjustments;
    RetryLetter locked[retry_letters_at_once];
    RetryLetter *chosen; // the first dead letter of the batch: a pointer into `locked`
};

// Raises an error if the filters name a source that never existed. The function raises no error for a source
// that was dropped.
void retry_letters_require_source(const RetryLetters &letters);

// Locks the next dead letters that the filters choose. Returns the number of locked dead letters.
size_t retry_letters_lock(RetryLetters *letters);

// Creates RetryLetters::decoders in the current memory context: a hash table from the name of a source to its
// decoder. retry_letters_destroy_decoders() destroys the decoders.
HTAB *retry_letters_create_decoders();
void retry_letters_destroy_decoders(HTAB *decoders);

// Returns the number of unresolved dead letters that the filters choose and whose source was dropped. The
// layout of their messages is not known, so the retry skips these dead letters.
int64_t retry_letters_count_gone(const RetryLetters &letters);

// Decodes `count` dead letters into the batch, beginning with the dead letter at `chosen`. The batch must be
// empty.
void retry_letters_decode(RetryLetters *letters, size_t count);

} // namespace heartbeat
