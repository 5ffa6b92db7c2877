// Each copy of a message has its own block of bytes for the key, the value and the headers. When the list of
// copies grows, the blocks do not move, and views that point into the blocks stay valid.
#include "decode/message_samples.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace heartbeat {

namespace {

struct MessageCopy {
    MessageView view;
    std::vector<char> bytes;
    std::vector<MessageHeader> headers;
};

size_t size_of(const MessageView &message) {
    size_t size = message.key.size + message.payload.size;
    for (size_t i = 0; i < message.header_count; i++)
        size += message.headers[i].name.size() + message.headers[i].value.size;
    return size;
}

// Copies the bytes to *at, and moves *at to the end of the copy. A NULL stays NULL.
MessageBytes copy(const MessageBytes &from, char **at) {
    if (from.data == nullptr)
        return {};
    char *const to = *at;
    if (from.size > 0)
        std::memcpy(to, from.data, from.size);
    *at += from.size;
    return {to, from.size};
}

MessageCopy copy_message(const MessageView &message) {
    MessageCopy made{message, std::vector<char>(size_of(message) + 1), {}};
    char *at = made.bytes.data();
    made.view.key = copy(message.key, &at);
    made.view.payload = copy(message.payload, &at);
    made.headers.reserve(message.header_count);
    for (size_t i = 0; i < message.header_count; i++) {
        const MessageHeader &header = message.headers[i];
        const MessageBytes name = copy({header.name.data(), header.name.size()}, &at);
        made.headers.push_back({{static_cast<const char *>(name.data), name.size}, copy(header.value, &at)});
    }
    made.view.headers = made.headers.data();
    made.view.unread_headers = nullptr;
    return made;
}

} // namespace

class MessageSamples final : public Decoder {
  public:
    MessageSamples(size_t max_messages, size_t max_bytes) noexcept
        : Decoder(true), max_messages_(max_messages), max_bytes_(max_bytes) {}

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        const size_t size = size_of(message) + message.header_count * sizeof(MessageHeader);
        if (copies_.size() == max_messages_ || size > max_bytes_ - bytes_) {
            full_ = true;
            return DecodeResult::ignored;
        }
        try {
            copies_.push_back(copy_message(message));
        } catch (...) {
            decode_fail(&decoded->error, DecodeErrorCode::out_of_memory, "out of memory");
            return DecodeResult::failed;
        }
        bytes_ += size;
        return DecodeResult::ignored;
    }

    size_t count() const noexcept { return copies_.size(); }
    bool full() const noexcept { return full_; }
    const MessageView &view(size_t index) const noexcept { return copies_[index].view; }

    void keep_newest(size_t count) noexcept {
        if (copies_.size() > count) {
            std::sort(copies_.begin(), copies_.end(), [](const MessageCopy &left, const MessageCopy &right) {
                return rank(left, left.view.kafka_time) > rank(right, right.view.kafka_time);
            });
            copies_.resize(count);
        }
        std::sort(copies_.begin(), copies_.end(), [](const MessageCopy &left, const MessageCopy &right) {
            return rank(left, left.view.partition) < rank(right, right.view.partition);
        });
    }

  private:
    static std::pair<int64_t, int64_t> rank(const MessageCopy &copy, int64_t first) noexcept {
        return {first, copy.view.offset};
    }

    const size_t max_messages_, max_bytes_;
    std::vector<MessageCopy> copies_;
    size_t bytes_ = 0;
    bool full_ = false;
};

MessageSamples *message_samples_create(size_t max_messages, size_t max_bytes) noexcept {
    return new (std::nothrow) MessageSamples(max_messages, max_bytes);
}

void message_samples_destroy(MessageSamples *samples) noexcept {
    delete samples;
}

Decoder *message_samples_decoder(MessageSamples *samples) noexcept {
    return samples;
}

size_t message_samples_count(const MessageSamples *samples) noexcept {
    return samples->count();
}

bool message_samples_full(const MessageSamples *samples) noexcept {
    return samples->full();
}

void message_samples_keep_newest(MessageSamples *samples, size_t count) noexcept {
    samples->keep_newest(count);
}

MessageView message_samples_view(const MessageSamples *samples, size_t index) noexcept {
    return samples->view(index);
}

} // namespace heartbeat
