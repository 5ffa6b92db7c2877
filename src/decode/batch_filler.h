// Fills a batch. These functions may throw std::bad_alloc, so only the files of src/decode and src/kafka
// include this header. The other folders call the noexcept functions of batch.h.
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

    using Batch::add_dead_letter;
    using Batch::add_progress;
    using Batch::add_reading;
    using Batch::keep;
    using Batch::reject;
    using Batch::restore;
    using Batch::seal;
    using Batch::unseal;
};

// Each batch is made as a BatchFiller.
inline BatchFiller *batch_filler(Batch *batch) noexcept {
    return static_cast<BatchFiller *>(batch);
}

} // namespace heartbeat
