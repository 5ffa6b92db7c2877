// The methods of Consumer. The callbacks and the other files of this folder call them. They add a note,
// report that the topic is lost, wait until the thread of consumer_fill_ahead() has ended, and find a
// position.
#include "kafka/consumer_client.h"

#include "decode/utf8_text.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace heartbeat {

void Consumer::note(int level, const char *text) noexcept {
    ConsumerNote &note = notes[(first_note + note_count) % notes_kept];
    note.level = level;
    redactor.show(note.text, sizeof(note.text), text);
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
    redactor.show(trouble, sizeof(trouble), text);
    note(4, trouble);
}

void Consumer::finish_ahead() noexcept {
    if (ahead.joinable())
        ahead.join();
}

void Consumer::lose_topic() noexcept {
    if (lost_topic)
        return;
    lost_topic = true;
    utf8_print(lost_reason.text, sizeof(lost_reason.text),
               "topic \"%s\" was deleted, and another topic has its name now", topic.c_str());
}

void Consumer::listen() noexcept {
    rd_kafka_message_t *message;
    while (positions.empty() && rd_kafka_consume_batch_queue(queue.get(), 0, &message, 1) == 1)
        MessagePointer dropped(message);
}

PartitionPosition *find_position(std::vector<PartitionPosition> *positions, int32_t partition) {
    auto found = std::find_if(positions->begin(), positions->end(), [=](const PartitionPosition &position) {
        return position.partition == partition;
    });
    return found == positions->end() ? nullptr : &*found;
}

} // namespace heartbeat
