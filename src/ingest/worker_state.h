// The data that an ingest worker keeps from step to step, also after an error of PostgreSQL, and the state
// that it shows. Each step of the worker (worker*.cpp) includes it. It knows no step.
#pragma once

#include "ingest/client_health.h"
#include "ingest/consumer_session.h"
#include "monitor/failure.h"
#include "store/tables.h"

namespace heartbeat {

// A step returns how many milliseconds the worker sleeps after it. These values have a name.
inline constexpr long at_once = 0;
inline constexpr long until_woken = -1;
inline constexpr long reconnect_ms = 1000;

struct Worker {
    WorkerSlot *slot;
    ConsumerSession session;
    bool control_known;
    uint64_t control_seen;           // wake_generation() when the worker last read heartbeat_control
    bool tables_recovered;           // tables_recover() has succeeded since the last error
    bool installed;                  // the extension is in the database
    const WrongServer *wrong_server; // nullptr: the workers of this server may ingest
    bool paused;
    bool failed;
    TimestampTz troubled_at; // when Kafka last reported an error
    bool trouble_again;      // Kafka had reported another error shortly before that
    ClientHealth health;
    long backoff_ms;  // 0: the last step raised no error
    Failure failure;  // the last error that a step raised
    bool unexplained; // the state does not show that error yet
};

extern Worker worker; // the only one of the process

// Sets the worker's state in heartbeat_status.
void worker_state_report(WorkerState state, const char *reason, const char *hint);

// Stops reading until the worker is woken. Returns how many milliseconds to sleep.
long worker_state_rest(WorkerState state, const char *reason, const char *hint);

// Stops reading as FAILED, until heartbeat_control or the configuration has changed. Returns how many
// milliseconds to sleep.
long worker_state_fail(const char *reason, const char *hint);

} // namespace heartbeat
