// What an ingest worker keeps from step to step, also past an error of the server, and the state that it
// shows.
#pragma once

#include "ingest/client_health.h"
#include "ingest/consumer_session.h"
#include "monitor/failure.h"

namespace heartbeat {

// What a step returns: how many milliseconds to sleep.
inline constexpr long at_once = 0;
inline constexpr long until_woken = -1;
inline constexpr long reconnect_ms = 1000;

struct Worker {
    WorkerSlot *slot;
    ConsumerSession session;
    bool control_known;
    uint64_t control_seen; // wake_generation() when heartbeat_control was read last
    bool nodes_recovered;  // nothing is prepared on the nodes of a cluster that nobody will end
    bool installed;
    bool node; // the coordinator ingests
    bool paused;
    bool failed;
    TimestampTz troubled_at; // when Kafka reported an error last
    bool trouble_again;      // and it was not the first in that time
    ClientHealth health;
    long backoff_ms;  // 0: the last step raised no error
    Failure failure;  // the error of the last step that raised one
    bool unexplained; // it has yet to be told, with what is in the way
};

extern Worker worker; // one a process

// Sets the state of heartbeat_status.
void worker_state_report(WorkerState state, const char *reason, const char *hint);

// The worker stops reading until it is woken.
long worker_state_rest(WorkerState state, const char *reason, const char *hint);

// The same with the state FAILED: until heartbeat_control or the configuration has changed.
long worker_state_fail(const char *reason, const char *hint);

} // namespace heartbeat
