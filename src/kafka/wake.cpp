// Makes the pipe of a consumer that does not use the pipe of its process.
#include "kafka/wake.h"

namespace heartbeat {

Wake::Wake(const WakeTarget &target)
    : own_(target.pipe == nullptr ? std::make_unique<WakePipe>() : nullptr),
      pipe_(target.pipe == nullptr ? own_.get() : target.pipe), number_(target.number) {}

void Wake::empty() const noexcept {
    if (own_ != nullptr)
        own_->take(nullptr, 0);
}

} // namespace heartbeat
