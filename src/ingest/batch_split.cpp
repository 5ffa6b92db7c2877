// If a batch is too large for the server, the next batches have fewer messages, in the worst case one
// message. The server can always store a batch of one message, because heartbeat limits the number of
// readings of a message. So a batch that is too large never stops a source permanently.
#include "server/server.h"

#include "ingest/batch_split.h"
#include "server/settings.h"

namespace heartbeat {

namespace {

constexpr int stored_before_growth = 100; // after this number of stored batches, the next batch may be larger

size_t usual() {
    return static_cast<size_t>(settings.batch_size);
}

} // namespace

size_t batch_split_limit(const BatchSplit &split) {
    return split.messages == 0 ? usual() : std::min(split.messages, usual());
}

bool batch_split_begin(BatchSplit *split, size_t messages) {
    if (messages <= 1)
        return false;
    *split = {std::max<size_t>(messages / 4, 1), 0};
    return true;
}

void batch_split_stored(BatchSplit *split) {
    if (split->messages == 0 || ++split->stored < stored_before_growth)
        return;
    *split = {2 * split->messages < usual() ? 2 * split->messages : 0, 0};
}

} // namespace heartbeat
