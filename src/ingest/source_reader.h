// A source reader is the data that an ingest worker keeps for one source. The data survive an error of
// PostgreSQL. The worker calls reader_step() again and again for each reader. One call is a step. The header
// has the reader's phase, and the functions that change the phase and the reader's state in heartbeat_status.
// The files with the steps (reader_*.cpp) include this header. The header does not depend on the steps.
#pragma once

#include "ingest/client_health.h"
#include "ingest/consumer_session.h"
#include "monitor/failure.h"
#include "store/schema_request.h"
#include "store/sources.h"
#include "store/tables.h"

namespace heartbeat {

// A step returns the milliseconds until the next step is due. The following constants name three of these
// values.
inline constexpr long at_once = 0;
inline constexpr long until_woken = -1;
inline constexpr long reconnect_ms = 1000;

// The phases of a source reader, and the state that heartbeat_status shows in each phase:
//
//   phase      what the reader does                               the state
//   looking    reads heartbeat_control                            unchanged
//   stopped    waits until it is woken                            STOPPED
//   failed     waits until it is woken: a person must act         FAILED
//   paused     asks Kafka for end offsets only                    PAUSED
//   assigning  asks Kafka, and validates the stored offsets       unchanged, or CONNECTING with a reason
//   reading    fills batches and stores them (see BatchStage)     RUNNING, or CONNECTING with a reason
//   loading    loads a schema that the decoder does not know      unchanged, or CONNECTING with a reason
//
//   from       to         because
//   looking    stopped    the source has no bootstrap servers
//   looking    paused     the source is paused
//   looking    assigning  nothing prevents ingest
//   paused     failed     a setting is wrong
//   assigning  failed     a setting is wrong, or the stored offsets are not valid
//   assigning  reading    partitions are assigned
//   reading    assigning  Kafka reported an error, another writer moved an offset, or memory ran out
//   reading    loading    a message names a schema that the decoder does not know
//   reading    failed     heartbeat.dead_letter_limit is reached
//   loading    assigning  the decoder has the schema, or the registry does not know the schema
//   loading    failed     a setting is wrong
//   any        looking    a person may have changed something; or a transaction finds that the source was
//                         paused, altered or dropped; or PostgreSQL reported an error
//
// After an error of PostgreSQL the state is RETRYING, and the phase becomes `looking`. There are two
// exceptions. A reader in the phase `loading` stays in this phase, and loads the schema again. A reader with
// a sealed batch stays in the phase `reading`, and stores the batch again. But if the reader must split this
// batch, the phase becomes `looking`. No reader sets the state STALLED: aggregate_status.cpp decides whether
// heartbeat_status shows STALLED.
enum class ReaderPhase : uint8_t { looking, stopped, failed, paused, assigning, reading, loading };

// The data of a reader in the phase `loading`.
struct SchemaLoad {
    SchemaKey key; // the schema that the reader loads
    SchemaRequest request;
    long again_ms;          // how long the source waits after a failure; 0: no failure yet
    MonotonicTime again_at; // when to try again; 0: at once
};

struct SourceReader {
    // The worker's loop reads these four members of every reader in each round. They are side by side,
    // because a worker can have hundreds of idle readers and must read little memory for each of them.
    uint32_t number; // the number of this reader in the WakePipe of the process
    bool rung;       // Kafka has messages or an answer for this reader: see reader_is_due()
    bool is_old;     // a person has altered or dropped the source: the worker must load the sources again
    MonotonicTime due_at; // when the next step is due; -1: when the reader is woken

    MemoryContext context; // the reader and its data are in this context
    Source source;
    WorkerSlot *worker;
    SourceSlot *slot;
    ConsumerSession session;
    ReaderPhase phase;
    SchemaLoad load;
    ClientHealth health;
    long backoff_ms;   // the wait after an error; 0: the last step raised no error
    Failure failure;   // the last error that a step raised
    int64_t control;   // ListedSource::control when the worker last loaded the source
    bool begins_again; // a person may have changed something: the next step enters `looking`
    // The time at which the reader began to wait for a session that is changing the source; 0: the reader
    // does not wait for a session.
    MonotonicTime busy_since;
    bool busy_told; // heartbeat_status already shows that the reader waits for the other session
};

// Changes the phase. When the reader leaves the phase `reading`, its client stops reading the partitions.
// Raises an error if the table above does not have this change of the phase.
void reader_enter(SourceReader *reader, ReaderPhase phase);

// Closes the consumer client. If the phase was `reading`, the phase becomes `assigning`. The consumer clients
// of several readers can share one client of librdkafka. If `retire` is true, no new consumer client uses the
// current client of librdkafka, but other readers that already use it can keep it.
void reader_close_client(SourceReader *reader, bool retire = true);

// Sets the reader's state in heartbeat_status.
void reader_report(SourceReader *reader, WorkerState state, const char *reason, const char *hint);

// reader_stop() and reader_fail() enter a phase in which the reader waits until another process wakes the
// reader. Both functions return until_woken.
long reader_stop(SourceReader *reader, const char *reason, const char *hint);
long reader_fail(SourceReader *reader, const char *reason, const char *hint);

// Call this function if a transaction has found that the source was changed, or that the extension is not in
// the database. The reader enters the phase `looking`, and makes no step until the worker has loaded the
// sources again. Returns until_woken.
long reader_load_again(SourceReader *reader);

} // namespace heartbeat
