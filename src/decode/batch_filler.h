// Gives access to the functions that fill a batch. These functions may throw std::bad_alloc, so only the
// files of src/decode and src/kafka include this header. The other folders call the noexcept functions of
// batch.h.
#pragma once

#include "decode/batch.h"

#include <cstddef>

namespace heartbeat {

class BatchFiller : public Batch {
  public:
    BatchFiller(size_t max_messages, size_t max_bytes) noexcept : Batch(max_messages, max_bytes) {}
    ~BatchFiller() = default;
    BatchFiller(const BatchFiller &) = delete;
    BatchFiller &operator=(const BatchFiller &) = delete;

    using Batch::abandon_message;
    using Batch::add_progress;
    using Batch::add_reading;
    using Batch::begin_message;
    using Batch::end_dead_letter;
    using Batch::end_ignored;
    using Batch::end_message;
    using Batch::keep;
    using Batch::reject;
    using Batch::reject_repetitions;
    using Batch::restore;
    using Batch::seal;
    using Batch::unseal;
};

// batch_create() makes each batch as a BatchFiller, so this cast is valid.
inline BatchFiller *batch_filler(Batch *batch) noexcept {
    return static_cast<BatchFiller *>(batch);
}

} // namespace heartbeat
