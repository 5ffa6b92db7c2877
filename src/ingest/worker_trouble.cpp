// Decides how an ingest worker goes on after an error of Kafka: at once the first time, later when the error
// comes again. worker_batch.cpp calls it.
#include "server/server.h"

#include "ingest/worker_state.h"
#include "ingest/worker_trouble.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr TimestampTz trouble_lasts = 10 * USECS_PER_SEC;

} // namespace

// Kafka has reported an error; what was read before it is stored. Assigning looks into what there is now: at
// once, unless that has just been tried.
long worker_trouble_assign_again() {
    char trouble[state_text_size];
    text_take(trouble, consumer_trouble(worker.session.consumer));
    bool has_brokers = !consumer_lost_brokers(worker.session.consumer);
    consumer_session_stop(&worker.session); // which forgets it
    if (trouble[0] == '\0')
        return at_once;
    TimestampTz now = GetCurrentTimestamp();
    worker.trouble_again = now < worker.troubled_at + trouble_lasts;
    worker.troubled_at = now;
    worker.session.troubled = true;
    worker_state_report(
        WorkerState::connecting, trouble,
        has_brokers ? "It is tried again by itself. Messages that are damaged in Kafka are passed over by "
                      "heartbeat_seek()."
                    : brokers_hint);
    return worker.trouble_again ? reconnect_ms : at_once;
}

// One that comes again and again, as from a damaged message, is not over when other partitions are heard.
bool worker_trouble_is_over() {
    return worker.session.troubled && consumer_heard(worker.session.consumer) &&
           (!worker.trouble_again || GetCurrentTimestamp() >= worker.troubled_at + trouble_lasts);
}

} // namespace heartbeat
