// The data that an ingest worker keeps from step to step, even after an error of PostgreSQL. It has the
// worker's phase, which only worker_enter() changes, and the state that the worker shows. Each step of the
// worker (worker*.cpp) includes this header. The header does not depend on the steps.
#pragma once

#include "ingest/client_health.h"
#include "ingest/consumer_session.h"
#include "monitor/failure.h"
#include "store/tables.h"

namespace heartbeat {

// A step returns how many milliseconds the worker sleeps after the step. These three values have names.
inline constexpr long at_once = 0;
inline constexpr long until_woken = -1;
inline constexpr long reconnect_ms = 1000;

// The phases of an ingest worker, and the state that heartbeat_status shows in each phase:
//
//   phase      what the worker does                               the state
//   looking    reads heartbeat_control                            as before
//   stopped    waits until it is woken                            STOPPED
//   failed     waits until it is woken: a person must act         FAILED
//   paused     asks Kafka for end offsets only                    PAUSED
//   assigning  asks Kafka, and validates the stored offsets       as before; CONNECTING with a reason
//   reading    fills batches and stores them (see BatchStage)     RUNNING; CONNECTING with a reason
//
//   from       to         because
//   looking    stopped    no extension, no bootstrap servers, or this server must not ingest
//   looking    paused     ingest is paused
//   looking    assigning  nothing prevents ingest
//   paused     failed     a setting is wrong
//   assigning  failed     a setting is wrong, or the stored offsets are not valid
//   assigning  reading    partitions are assigned
//   reading    assigning  Kafka reported an error, another writer moved an offset, or memory ran out
//   reading    failed     heartbeat.dead_letter_limit is reached
//   any        looking    the worker is woken (heartbeat_control, the extension or the configuration has
//                         changed), a transaction finds the extension gone or ingest paused, or PostgreSQL
//                         reported an error
//
// After an error of PostgreSQL the state is RETRYING. If the batch is sealed when the error occurs, the phase
// does not change: the worker keeps the batch and stores it again. No worker sets the state STALLED:
// aggregate_status.cpp finds it.
enum class WorkerPhase : uint8_t { looking, stopped, failed, paused, assigning, reading };

struct Worker {
    WorkerSlot *slot;
    ConsumerSession session;
    WorkerPhase phase;
    uint64_t control_seen; // wake_generation() when the worker last read heartbeat_control
    bool tables_recovered; // tables_recover() has succeeded since the last error
    ClientHealth health;
    long backoff_ms; // 0: the last step raised no error
    Failure failure; // the last error that a step raised
};

extern Worker worker; // the only object of this type in the process

// Changes the phase. When the worker leaves the phase `reading`, it no longer consumes messages. Raises an
// error if the table above does not have this change.
void worker_enter(WorkerPhase phase);

// Closes the consumer client. If the phase was `reading`, it becomes `assigning`.
void worker_close_client();

// Sets the worker's state in heartbeat_status.
void worker_state_report(WorkerState state, const char *reason, const char *hint);

// worker_stop() and worker_fail() enter a phase in which the worker waits until another process wakes it.
// They return how many milliseconds the worker sleeps.
long worker_stop(const char *reason, const char *hint);
long worker_fail(const char *reason, const char *hint);

} // namespace heartbeat
