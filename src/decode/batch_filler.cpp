// Makes and destroys batches. Each batch is a BatchFiller: so batch_filler() can convert a Batch to a
// BatchFiller for the files of src/decode and src/kafka.
#include "decode/batch_filler.h"

#include <new>

namespace heartbeat {

Batch *batch_create(size_t max_messages, size_t max_bytes) noexcept {
    return new (std::nothrow) BatchFiller(max_messages, max_bytes);
}

void batch_destroy(Batch *batch) noexcept {
    delete batch_filler(batch);
}

} // namespace heartbeat
