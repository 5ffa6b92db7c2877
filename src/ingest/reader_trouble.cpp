// Decides how a source reader continues after an error of Kafka. After a first error the reader assigns its
// partitions again at once. If another error follows within trouble_lasts, the reader waits reconnect_ms
// before it assigns the partitions again. reader_batch.cpp calls this file.
#include "server/server.h"

#include "ingest/kafka_partitions.h"
#include "ingest/reader_trouble.h"
#include "ingest/source_reader.h"
#include "server/clock.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr TimestampTz trouble_lasts = 10 * USECS_PER_SEC;

} // namespace

// The error can mean that the topic or its partitions have changed. So the reader asks Kafka for the current
// state of the topic and its partitions, before it assigns the partitions again.
long reader_trouble_assign_again(SourceReader *reader) {
    char trouble[state_text_size];
    text_take(trouble, consumer_trouble(reader->session.consumer));
    bool has_brokers = !consumer_lost_brokers(reader->session.consumer);
    reader_enter(reader, ReaderPhase::assigning); // the client forgets the error here
    if (trouble[0] == '\0')
        return at_once;
    MonotonicTime now = monotonic_now();
    bool again = now < reader->session.troubled_at + trouble_lasts;
    reader->session.trouble = again ? Trouble::repeated : Trouble::first;
    reader->session.troubled_at = now;
    reader_report(reader, WorkerState::connecting, trouble,
                  has_brokers ? partitions_trouble_hint(reader->source)
                              : assignment_brokers_hint(reader->source));
    return again ? reconnect_ms : at_once;
}

// An error of one partition, such as an impossible offset, can occur again after each assignment. Between two
// such errors the reader can get messages of the other partitions, so messages do not prove that the error is
// over. So a repeated error is over only when trouble_lasts has passed without another error.
bool reader_trouble_is_over(const SourceReader &reader) {
    const ConsumerSession &session = reader.session;
    return session.trouble != Trouble::none && session.loss_count == 0 && consumer_heard(session.consumer) &&
           (session.trouble == Trouble::first || monotonic_now() >= session.troubled_at + trouble_lasts);
}

} // namespace heartbeat
