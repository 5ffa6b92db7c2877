// The consumer client gathers reports while it reads. This file copies the reports for the caller. The
// redactor has already removed secrets from the texts.
#include "kafka/consumer_report.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"

#include <chrono>
#include <utility>

namespace heartbeat {

bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept {
    consumer->finish_ahead();
    if (consumer->troubles.empty())
        return false;
    *trouble = consumer->troubles.front();
    consumer->troubles.pop_front();
    return true;
}

bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept {
    consumer->finish_ahead();
    if (consumer->losses_reported && !consumer->losses.empty()) {
        *loss = consumer->losses.back();
        consumer->losses.pop_back();
        return true;
    }
    if (consumer->lost_topic) {
        *loss = {};
        utf8_copy(loss->topic, sizeof(loss->topic), consumer->topic.c_str());
        loss->reason = consumer->lost_reason;
    }
    return std::exchange(consumer->lost_topic, false);
}

bool consumer_gathers_losses(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return !consumer->losses.empty() && !consumer->losses_reported;
}

bool consumer_has_examined(Consumer *consumer, int32_t partition) noexcept {
    consumer->finish_ahead();
    const PartitionPosition *position = find_position(&consumer->positions, partition);
    if (position == nullptr)
        return false;
    const Examination &examination =
        consumer->examinations[static_cast<size_t>(position - consumer->positions.data())];
    return examination.heard && examination.step == ExaminationStep::reading;
}

bool consumer_heard(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    // if no partition is assigned, no message can arrive, so the caller must not wait for a message
    return consumer->heard || consumer->positions.empty();
}

bool consumer_begins(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return consumer->beginning;
}

const char *consumer_trouble(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return consumer->trouble;
}

bool consumer_lost_brokers(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return consumer->lost_brokers;
}

bool consumer_throttled(Consumer *consumer, ConsumerThrottle *throttle) noexcept {
    consumer->finish_ahead();
    Throttles::Clock::time_point now = Throttles::Clock::now();
    const Throttles::Throttle *worst = consumer->throttles.worst(now);
    if (worst == nullptr)
        return false;
    utf8_copy(throttle->broker, sizeof(throttle->broker), worst->name);
    throttle->milliseconds = worst->milliseconds;
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(worst->until - now);
    throttle->left_ms = static_cast<int>(left.count());
    return true;
}

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept {
    consumer->finish_ahead();
    if (consumer->note_count == 0)
        return false;
    *note = consumer->notes[consumer->first_note];
    consumer->first_note = (consumer->first_note + 1) % notes_kept;
    consumer->note_count--;
    return true;
}

} // namespace heartbeat
