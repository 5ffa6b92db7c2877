// The methods of Consumer, which the other files of this folder call. They handle librdkafka's events, add
// notes for the server's log, and remember that the topic is lost. finish_ahead() waits for the thread that
// consumer_fill_ahead() has started.
#include "kafka/consumer_client.h"

#include "decode/utf8_text.h"
#include "kafka/failure.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace heartbeat {

namespace {

void take_error(Consumer *consumer, const ClientEvent &event) noexcept {
    if (event.code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        consumer->lost_brokers = true;
        utf8_copy(consumer->trouble, sizeof(consumer->trouble),
                  "cannot reach Kafka: no broker can be reached");
    } else {
        char shown[print_size_max];
        consumer->shared->client->redactor.show(shown, sizeof(shown), event.text.c_str());
        consumer->broker_errors.hear(event.code, shown, std::chrono::steady_clock::now());
    }
    if (failure_is_unknown_topic(event.code))
        consumer->lose_topic();
    char line[print_size_max];
    snprintf(line, sizeof(line), "%s: %s", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(event.code)),
             event.text.c_str());
    consumer->note(4, line);
}

void take_throttle(Consumer *consumer, const ClientEvent &event) noexcept {
    char shown[print_size_max];
    consumer->shared->client->redactor.show(shown, sizeof(shown), event.text.c_str());
    try {
        consumer->throttles.hear(event.broker, shown, event.code, Throttles::Clock::now());
    } catch (...) {
        // out of memory: this report is lost, but the broker reports its throttling again
    }
}

void take_commit(Consumer *consumer, const ClientEvent &event) noexcept {
    if (event.code == RD_KAFKA_RESP_ERR_NO_ERROR || event.code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    char line[print_size_max];
    snprintf(line, sizeof(line), "offsets were not committed to the Kafka group: %s",
             rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(event.code)));
    consumer->note(6, line);
    consumer->group_commit_failed = true;
}

} // namespace

void Consumer::note(int level, const char *text) noexcept {
    ConsumerNote &note = notes[(first_note + note_count) % notes_kept];
    note.level = level;
    shared->client->redactor.show(note.text, sizeof(note.text), text);
    if (note_count < notes_kept)
        note_count++;
    else
        first_note = (first_note + 1) % notes_kept; // the new note overwrites the oldest note
}

void Consumer::note_trouble(const char *format, ...) noexcept {
    char text[print_size_max];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    shared->client->redactor.show(trouble, sizeof(trouble), text);
    note(4, trouble);
}

void Consumer::finish_ahead() noexcept {
    if (ahead.joinable())
        ahead.join();
}

void Consumer::lose_topic() noexcept {
    // If a topic was deleted and recreated, librdkafka can report the deletion late, after the recreated
    // topic was assigned. So the function does not trust a report that comes before the first message or end
    // of a partition. Instead, the caller assigns the partitions again.
    if (!heard) {
        assign_again = true;
        return;
    }
    if (lost_topic)
        return;
    lost_topic = true;
    utf8_print(lost_reason.text, sizeof(lost_reason.text),
               "Kafka reported that topic \"%s\" or a partition of it does not exist: the topic was probably "
               "deleted and recreated",
               topic.c_str());
}

void Consumer::set_beginning(bool begins) noexcept {
    beginning = begins;
    shared->client->set_beginning(&inbox, begins);
}

void Consumer::take_events() noexcept {
    std::vector<ClientEvent> events; // do not use a std::deque, because its constructor can throw
    shared->client->take(&inbox, &events);
    for (const ClientEvent &event : events)
        switch (event.kind) {
        case ClientEvent::Kind::log:
            note(event.code, event.text.c_str());
            break;
        case ClientEvent::Kind::error:
            take_error(this, event);
            break;
        case ClientEvent::Kind::throttle:
            take_throttle(this, event);
            break;
        case ClientEvent::Kind::commit:
            take_commit(this, event);
            break;
        case ClientEvent::Kind::stray:
            assign_again = true;
            break;
        }
}

ssize_t Consumer::take_messages(rd_kafka_message_t **messages, size_t most) noexcept {
    const QueueReading reading(&inbox);
    return rd_kafka_consume_batch_queue(queue, 0, messages, most);
}

void Consumer::listen() noexcept {
    take_events();
    rd_kafka_message_t *message;
    while (positions.empty() && take_messages(&message, 1) == 1)
        MessagePointer dropped(message);
}

PartitionPosition *find_position(std::vector<PartitionPosition> *positions, int32_t partition) {
    auto found = std::find_if(positions->begin(), positions->end(), [=](const PartitionPosition &position) {
        return position.partition == partition;
    });
    return found == positions->end() ? nullptr : &*found;
}

} // namespace heartbeat
