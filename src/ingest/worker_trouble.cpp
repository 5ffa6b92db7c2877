// Decides how an ingest worker continues after an error of Kafka. After a first error the worker assigns its
// partitions again at once. If another error follows within trouble_lasts, the worker waits reconnect_ms
// before it assigns them. worker_batch.cpp calls this file.
#include "server/server.h"

#include "ingest/worker_state.h"
#include "ingest/worker_trouble.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr TimestampTz trouble_lasts = 10 * USECS_PER_SEC;

} // namespace

// The new assignment asks Kafka for the present state of the topic and its partitions.
long worker_trouble_assign_again() {
    char trouble[state_text_size];
    text_take(trouble, consumer_trouble(worker.session.consumer));
    bool has_brokers = !consumer_lost_brokers(worker.session.consumer);
    worker_enter(WorkerPhase::assigning); // the client forgets the error here
    if (trouble[0] == '\0')
        return at_once;
    TimestampTz now = GetCurrentTimestamp();
    bool again = now < worker.session.troubled_at + trouble_lasts;
    worker.session.trouble = again ? Trouble::repeated : Trouble::first;
    worker.session.troubled_at = now;
    worker_state_report(WorkerState::connecting, trouble,
                        has_brokers ? "heartbeat tries again automatically. If messages are damaged in "
                                      "Kafka, heartbeat_seek() can skip them."
                                    : brokers_hint);
    return again ? reconnect_ms : at_once;
}

// A damaged message causes the same error again and again, although the worker can read the other partitions.
// So a repeated error is over only when trouble_lasts has passed since this error.
bool worker_trouble_is_over() {
    const ConsumerSession &session = worker.session;
    return session.trouble != Trouble::none && consumer_heard(session.consumer) &&
           (session.trouble == Trouble::first ||
            GetCurrentTimestamp() >= session.troubled_at + trouble_lasts);
}

} // namespace heartbeat
