// Server half: an ingest worker: wait -> consume -> decode -> classify -> store -> repeat. Its frames hold
// nothing that needs a destructor, since an error of the server jumps past them; what must outlive one is in
// `worker`.
#include "server.h"

#include "assignment.h"
#include "control/pause.h"
#include "ingest.h"
#include "notes.h"
#include "process.h"
#include "storage/sql.h"

#include <unistd.h>

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

constexpr long at_once = 0;
constexpr long until_woken = -1;
constexpr long reconnect_ms = 1000;
constexpr long paused_look_ms = 10000; // how often a paused worker asks Kafka for the ends of its partitions
constexpr long backoff_ms_min = 100;
constexpr long backoff_ms_max = 10000;

struct Worker {
    WorkerSlot *slot;
    Assignment assignment;
    Consumer *consumer; // nullptr: not connected
    Ingest ingest;
    bool control_known;
    uint64_t control_seen; // shared_state_generation() when heartbeat_control was read last
    bool installed;
    bool paused;
    bool failed;
    bool assigned;
    bool topic_lost; // Kafka said so, and heartbeat_offsets does not say it yet
    bool troubled;   // Kafka reported an error, and has not delivered anything since
    long backoff_ms; // 0: the last step raised no error
    char client_id[64];
};

Worker worker;

// False: librdkafka would not let go of the client, and this process should make way for another.
bool close_consumer() {
    bool closed = consumer_close(worker.consumer);
    worker.consumer = nullptr;
    worker.assigned = false;
    ingest_drop(&worker.ingest, worker.consumer);
    shared_state_forget_partitions();
    return closed;
}

// The launcher starts another worker in its place.
void make_way() {
    ereport(LOG, (errmsg("heartbeat: the Kafka client does not end; the worker is started anew"),
                  errhidecontext(true)));
    proc_exit(1);
}

void leave_at_once(int code, Datum /*argument*/) {
    _exit(code);
}

// librdkafka's threads must be gone before the process runs its exit handlers. Where they are not, those are
// passed over, once everything that others wait for has been given back.
void close_at_exit(int /*code*/, Datum /*argument*/) {
    if (!close_consumer())
        on_proc_exit(leave_at_once, 0);
}

// What was consumed and not stored is read again from the stored position.
void stop_reading() {
    Problem problem;
    if (worker.consumer != nullptr && worker.assigned)
        consumer_assign(worker.consumer, nullptr, 0, &problem);
    worker.assigned = false;
    ingest_drop(&worker.ingest, worker.consumer);
}

void report(WorkerState state, const char *reason, const char *hint) {
    shared_state_report(worker.slot, state, reason, hint);
}

void look_at_control() {
    uint64_t seen = shared_state_generation();
    Extension extension;
    worker.installed = transaction_begin(&extension, XACT_READ_COMMITTED);
    if (worker.installed) {
        worker.paused = pause_check(extension);
        transaction_commit();
    }
    worker.control_seen = seen;
    worker.control_known = true;
    worker.failed = false;
    stop_reading(); // a seek may have moved the positions
}

long rest_until_told(WorkerState state, const char *reason, const char *hint) {
    stop_reading();
    report(state, reason, hint);
    return until_woken;
}

long fail(const char *reason, const char *hint) {
    worker.failed = true;
    return rest_until_told(WorkerState::failed, reason, hint);
}

bool open_consumer() {
    Problem problem;
    worker.consumer = consumer_open(settings_for_kafka(worker.client_id), &problem);
    if (worker.consumer == nullptr)
        fail(problem.text, "Correct the setting and reload the configuration.");
    return worker.consumer != nullptr;
}

void fill() {
    ingest_fill(&worker.ingest, worker.consumer);
    worker.topic_lost = worker.topic_lost || worker.ingest.topic_lost;
    notes_take(worker.consumer, worker.slot);
}

// While nothing is assigned, this only takes what librdkafka has to say.
void drain() {
    fill();
    ingest_drop(&worker.ingest, worker.consumer);
}

long stay_paused() {
    stop_reading();
    report(WorkerState::paused, "", nullptr);
    if (worker.assignment.partition_count > 0)
        assignment_refresh_watermarks(worker.consumer, &worker.assignment);
    drain();
    return paused_look_ms;
}

long assign() {
    if (worker.topic_lost)
        assignment_mark_lost();
    drain(); // what was said of a topic before it is assigned means nothing
    worker.topic_lost = false;
    AssignmentResult result = assignment_make(worker.consumer, &worker.assignment);
    switch (result) {
    case AssignmentResult::assigned:
        worker.assigned = true;
        ingest_begin(&worker.ingest);
        if (!worker.troubled)
            report(WorkerState::running, "", nullptr);
        return at_once;
    case AssignmentResult::unavailable:
        report(WorkerState::connecting, worker.assignment.reason, worker.assignment.hint);
        return reconnect_ms;
    case AssignmentResult::uninstalled:
        worker.installed = false;
        return at_once;
    case AssignmentResult::failed:
        break;
    }
    return fail(worker.assignment.reason, worker.assignment.hint);
}

long store() {
    switch (ingest_store(&worker.ingest, worker.consumer, worker.slot)) {
    case StoreResult::stored:
        report(WorkerState::running, "", nullptr);
        return at_once;
    case StoreResult::paused:
        worker.paused = true;
        return at_once;
    case StoreResult::uninstalled:
        worker.installed = false;
        return at_once;
    case StoreResult::moved:
        break;
    }
    ereport(WARNING,
            (errmsg("heartbeat: a position was moved by somebody else while its messages were being stored"),
             errdetail("Nothing was stored; reading goes on from the position that is in heartbeat_offsets."),
             errhidecontext(true)));
    stop_reading();
    return reconnect_ms;
}

// Kafka has reported an error; what was read before it is stored. Assigning looks into what there is now.
long assign_again() {
    stop_reading();
    const char *trouble = consumer_trouble(worker.consumer);
    if (trouble[0] == '\0')
        return at_once;
    worker.troubled = true;
    report(WorkerState::connecting, trouble, "It is tried again by itself.");
    return reconnect_ms;
}

long stream() {
    fill();
    if (worker.ingest.lost) {
        stop_reading();
        return reconnect_ms;
    }
    if (worker.troubled && consumer_heard(worker.consumer)) {
        worker.troubled = false;
        report(WorkerState::running, "", nullptr);
    }
    long duties = ingest_duties(&worker.ingest, worker.consumer, worker.slot, &worker.assignment);
    long wait = ingest_until_due(&worker.ingest);
    if (wait == at_once)
        return store();
    if (worker.ingest.doubtful)
        return assign_again();
    return wait < 0 ? duties : std::min(wait, duties);
}

// One step of the loop; returns how long to sleep.
long step() {
    if (!worker.control_known || worker.control_seen != shared_state_generation())
        look_at_control();
    if (!worker.installed)
        return rest_until_told(WorkerState::stopped, "extension \"heartbeat\" is not in this database",
                               "CREATE EXTENSION heartbeat; it is noticed by itself.");
    if (settings.brokers[0] == '\0') {
        if (!close_consumer())
            make_way();
        return rest_until_told(WorkerState::stopped, "heartbeat.brokers is empty",
                               "Set it, and reload the configuration.");
    }
    if (worker.failed || (worker.consumer == nullptr && !open_consumer()))
        return until_woken;
    if (worker.paused)
        return stay_paused();
    if (!worker.assigned) {
        long wait = assign();
        if (!worker.assigned)
            return wait;
    }
    return stream();
}

long recover() {
    const Failure *failure = process_recover(worker.slot);
    bool storing = worker.assigned && worker.ingest.sealed;
    if (storing && failure->is_of_row && !worker.ingest.isolate) {
        worker.ingest.isolate = true;
        return at_once;
    }
    if (!storing)
        stop_reading();
    worker.backoff_ms = std::clamp(worker.backoff_ms * 2, backoff_ms_min, backoff_ms_max);
    report(WorkerState::retrying, failure->message,
           "It is tried again by itself; the server's log has the details.");
    return worker.backoff_ms;
}

long attempt() {
    volatile long wait = at_once;
    PG_TRY();
    { wait = step(); }
    PG_CATCH();
    { wait = recover(); }
    PG_END_TRY();
    return wait;
}

void reload() {
    // a file of properties may have changed under the same name, so every reload begins anew
    if (!close_consumer())
        make_way();
    worker.failed = false;
    worker.backoff_ms = 0;
}

void sleep(long milliseconds) {
    if (milliseconds == at_once)
        return;
    bool reading = worker.assigned && !worker.ingest.sealed;
    if (!reading) {
        process_sleep(milliseconds);
        return;
    }
    pgstat_report_stat(milliseconds < 0 || milliseconds > settings.batch_wait);
    int events =
        WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(worker.consumer), milliseconds, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_worker_main(Datum argument) {
    worker.assignment.worker = static_cast<int>(DatumGetInt64(argument));
    worker.assignment.workers = settings.workers;
    worker.slot = &shared_state->workers[worker.assignment.worker];
    snprintf(worker.client_id, sizeof(worker.client_id), "heartbeat-worker-%d", worker.assignment.worker);
    process_start(settings.database, worker.slot);
    if (!ingest_create(&worker.ingest))
        ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    before_shmem_exit(close_at_exit, 0);

    MemoryContext context =
        AllocSetContextCreate(TopMemoryContext, "heartbeat worker", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        if (process_interrupts())
            reload();
        MemoryContextReset(context);
        MemoryContextSwitchTo(context);
        sleep(attempt());
    }
}
