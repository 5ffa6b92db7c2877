// An ingest worker: wait -> consume -> decode -> classify -> store -> repeat. Its frames hold
// nothing that needs a destructor, since an error of the server jumps past them; what must outlive one is in
// `worker`.
#include "server/server.h"

#include "ingest/client_health.h"
#include "ingest/consumer_session.h"
#include "monitor/failure.h"
#include "monitor/kafka_log.h"
#include "monitor/lock_wait.h"
#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_start.h"
#include "server/extension.h"
#include "server/process.h"
#include "server/text.h"
#include "server/transaction.h"
#include "store/distribution.h"
#include "store/pause.h"
#include "store/store.h"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr long at_once = 0;
constexpr long until_woken = -1;
constexpr long reconnect_ms = 1000;
constexpr TimestampTz trouble_lasts = 10 * USECS_PER_SEC;
constexpr long backoff_ms_min = 100;
constexpr long backoff_ms_max = 10000;

struct Worker {
    WorkerSlot *slot;
    ConsumerSession session;
    bool control_known;
    uint64_t control_seen; // wake_generation() when heartbeat_control was read last
    bool nodes_settled;    // nothing is prepared on the nodes of a cluster that nobody will end
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

Worker worker;

void report(WorkerState state, const char *reason, const char *hint) {
    if (state == WorkerState::running && worker.slot->state != state)
        kafka_log_tell_folded();
    worker_slot_report(worker.slot, state, reason, hint);
}

void look_at_control() {
    uint64_t seen = wake_generation();
    Extension extension;
    worker.installed = transaction_begin(&extension, XACT_READ_COMMITTED);
    if (worker.installed) {
        worker.node = distribution_is_node();
        worker.paused = pause_check();
        transaction_commit();
    }
    worker.control_seen = seen;
    worker.control_known = true;
    worker.failed = worker.session.troubled = worker.trouble_again = worker.session.assignment.told = false;
    consumer_session_stop(&worker.session); // a seek may have moved the positions
}

long rest_until_told(WorkerState state, const char *reason, const char *hint) {
    consumer_session_stop(&worker.session);
    report(state, reason, hint);
    return until_woken;
}

long fail(const char *reason, const char *hint) {
    worker.failed = true;
    return rest_until_told(WorkerState::failed, reason, hint);
}

bool open() {
    Problem problem;
    if (!consumer_session_open(&worker.session, &problem))
        fail(text_from_utf8(problem.text), "Correct the setting and reload the configuration.");
    return worker.session.consumer != nullptr;
}

bool replace_useless_client() {
    ConsumerSession *session = &worker.session;
    KafkaPartitions *partitions = &session->assignment.partitions;
    if (!client_is_useless(&worker.health, partitions, session->consumer, partitions->known))
        return false;
    consumer_session_close(session);
    session->troubled = true; // until the new one hears of a partition
    return true;
}

long stay_paused() {
    // once: stopping again would drop the answers about the ends that are on their way
    if (worker.session.assigned || worker.slot->state != WorkerState::paused)
        consumer_session_stop(&worker.session);
    report(WorkerState::paused, "", nullptr);
    consumer_session_drain(&worker.session, worker.slot);
    assignment_refresh_watermarks(worker.session.consumer, &worker.session.assignment);
    if (replace_useless_client())
        return reconnect_ms;
    return partitions_until_due(worker.session.assignment.partitions);
}

long try_again() {
    report(WorkerState::connecting, worker.session.assignment.reason, worker.session.assignment.hint);
    replace_useless_client();
    return reconnect_ms;
}

// Some partition may be away while the others are read.
void report_reading() {
    Assignment *assignment = &worker.session.assignment;
    if (partitions_explain(assignment->partitions, assignment->reason, assignment->hint))
        report(WorkerState::connecting, assignment->reason, assignment->hint);
    else if (!worker.session.troubled)
        report(WorkerState::running, "", nullptr);
}

long take_assignment(AssignmentResult result) {
    switch (result) {
    case AssignmentResult::asking:
        return partitions_until_due(worker.session.assignment.partitions);
    case AssignmentResult::assigned:
        report_reading();
        return at_once;
    case AssignmentResult::unavailable:
        report(WorkerState::connecting, worker.session.assignment.reason, worker.session.assignment.hint);
        if (replace_useless_client())
            return reconnect_ms;
        return std::min(partitions_until_due(worker.session.assignment.partitions), reconnect_ms);
    case AssignmentResult::outdated:
        consumer_session_close(&worker.session);
        return reconnect_ms; // brokers that have yet to agree would have a new client each time
    case AssignmentResult::uninstalled:
        worker.installed = false;
        return at_once;
    case AssignmentResult::unreachable:
        return try_again();
    case AssignmentResult::failed:
        break;
    }
    return fail(worker.session.assignment.reason, worker.session.assignment.hint);
}

long assign() {
    worker_slot_doing(worker.slot, WorkerActivity::assigning, 0);
    return take_assignment(consumer_session_assign(&worker.session, worker.slot));
}

// The batch is read again when it goes on.
long stop_for_dead_letters() {
    char reason[state_text_size];
    text_print(
        reason, sizeof(reason),
        "heartbeat.dead_letter_limit (%d) is reached: %lld dead letters are not resolved, and there are more",
        settings.dead_letter_limit, static_cast<long long>(worker.session.cycle.unresolved));
    return fail(
        reason,
        "See heartbeat_dead_letter_summary. Mend them and call heartbeat_retry_dead_letters(), DELETE "
        "those that are given up, or raise the limit; then it goes on by itself.");
}

long store() {
    worker_slot_doing(worker.slot, WorkerActivity::storing, 0);
    switch (batch_cycle_store(&worker.session.cycle, worker.session.consumer, worker.slot)) {
    case StoreResult::stored:
        report_reading();
        return at_once;
    case StoreResult::paused:
        worker.paused = true;
        return at_once;
    case StoreResult::uninstalled:
        worker.installed = false;
        return at_once;
    case StoreResult::limited:
        return stop_for_dead_letters();
    case StoreResult::moved:
        break;
    }
    ereport(WARNING,
            (errcode(ERRCODE_WARNING),
             errmsg("heartbeat: a position was moved by somebody else while its messages were being stored"),
             errdetail("Nothing was stored; reading goes on from the position that is in heartbeat_offsets."),
             errhidecontext(true)));
    consumer_session_stop(&worker.session);
    return reconnect_ms;
}

// Kafka has reported an error; what was read before it is stored. Assigning looks into what there is now: at
// once, unless that has just been tried.
long assign_again() {
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
    report(WorkerState::connecting, trouble,
           has_brokers ? "It is tried again by itself. Messages that are damaged in Kafka are passed over by "
                         "heartbeat_seek()."
                       : brokers_hint);
    return worker.trouble_again ? reconnect_ms : at_once;
}

// One that comes again and again, as from a damaged message, is not over when other partitions are heard.
bool is_trouble_over() {
    return worker.session.troubled && consumer_heard(worker.session.consumer) &&
           (!worker.trouble_again || GetCurrentTimestamp() >= worker.troubled_at + trouble_lasts);
}

// Something keeps librdkafka from reading what it is given: its own threads, or a coordinator of the Kafka
// group that does not answer.
long replace_client() {
    consumer_session_close(&worker.session);
    worker.session.troubled = true; // until the new one hears of a partition
    report(WorkerState::connecting, "the Kafka client does not take the assignment",
           "It is replaced by another one.");
    return at_once;
}

long stream() {
    worker_slot_doing(worker.slot, WorkerActivity::consuming, 0);
    consumer_session_fill(&worker.session, worker.slot);
    if (worker.session.cycle.lost) {
        consumer_session_stop(&worker.session);
        return reconnect_ms;
    }
    bool joins = partitions_to_join(worker.session.assignment.partitions);
    if (consumer_assign_hangs(worker.session.consumer) ||
        (consumer_commit_hangs(worker.session.consumer) &&
         (joins || !consumer_heard(worker.session.consumer))))
        return replace_client();
    if (is_trouble_over())
        worker.session.troubled = worker.trouble_again = false;
    long duties =
        batch_cycle_duties(&worker.session.cycle, worker.session.consumer, &worker.session.assignment);
    if (!worker.session.cycle.sealed) {
        report_reading();
        if (replace_useless_client())
            return reconnect_ms;
    }
    AssignmentResult joined = consumer_session_join(&worker.session);
    if (joined != AssignmentResult::asking)
        return take_assignment(joined);
    long wait = batch_cycle_until_due(&worker.session.cycle);
    if (wait == at_once)
        return store();
    if (worker.session.cycle.doubtful)
        return assign_again();
    if (worker.session.troubled)
        duties = std::min(duties, reconnect_ms); // to see that it is over
    return wait < 0 ? duties : std::min(wait, duties);
}

// One step of the loop; returns how long to sleep.
long step() {
    worker_slot_doing(worker.slot, WorkerActivity::looking, 0);
    if (!worker.nodes_settled)
        distribution_recover();
    worker.nodes_settled = true;
    if (!worker.control_known || worker.control_seen != wake_generation())
        look_at_control();
    if (!worker.installed)
        return rest_until_told(WorkerState::stopped, not_installed_reason,
                               "CREATE EXTENSION heartbeat; it is noticed by itself.");
    if (worker.node)
        return rest_until_told(WorkerState::stopped, distribution_node_reason, distribution_node_hint);
    if (settings.brokers[0] == '\0') {
        consumer_session_close(&worker.session);
        return rest_until_told(WorkerState::stopped, settings_why_no_brokers(),
                               "Set it, and reload the configuration.");
    }
    if (worker.failed || (worker.session.consumer == nullptr && !open()))
        return until_woken;
    if (worker.paused)
        return stay_paused();
    if (!worker.session.assigned) {
        long wait = assign();
        if (!worker.session.assigned)
            return wait;
    }
    return stream();
}

long recover() {
    Failure &failure = worker.failure;
    failure_take(worker.slot, &failure, store_may_be_refused);
    worker.nodes_settled = false;
    bool storing = worker.session.assigned && worker.session.cycle.sealed;
    if (storing && failure.is_of_row && !worker.session.cycle.isolate) {
        worker.session.cycle.isolate = true;
        return at_once;
    }
    if (!storing)
        consumer_session_stop(&worker.session);
    worker.backoff_ms = std::clamp(worker.backoff_ms * 2, backoff_ms_min, backoff_ms_max);
    worker.unexplained = true;
    return worker.backoff_ms;
}

void tell_failure() {
    worker.unexplained = false;
    failure_explain(&worker.failure);
    report(WorkerState::retrying, worker.failure.reason, worker.failure.hint);
}

long attempt() {
    volatile long wait = at_once;
    PG_TRY();
    {
        wait = step();
        worker.backoff_ms = 0;
        lock_wait_forget(); // a lock that was granted keeps nobody any more
    }
    PG_CATCH();
    {
        HOLD_INTERRUPTS(); // a cancel request that comes now would be an error that nobody catches
        wait = recover();
        RESUME_INTERRUPTS();
    }
    PG_END_TRY();
    if (worker.unexplained)
        tell_failure();
    return wait;
}

void reload() {
    // a file of properties may have changed under the same name, so every reload begins anew
    worker_slot_doing(worker.slot, WorkerActivity::closing, 0);
    consumer_session_close(&worker.session);
    worker.control_known = worker.failed = false;
    worker.backoff_ms = 0;
}

void sleep(long milliseconds) {
    if (milliseconds == at_once)
        return;
    worker_slot_doing(worker.slot, WorkerActivity::waiting, milliseconds);
    // an answer of Kafka wakes it too; what is queued does not while nothing of it is to be taken
    const BatchCycle &cycle = worker.session.cycle;
    bool listens = worker.session.consumer != nullptr && !worker.failed && worker.installed &&
                   worker.backoff_ms == 0 && !(worker.session.assigned && (cycle.sealed || cycle.doubtful));
    if (!listens) {
        process_sleep(milliseconds);
        return;
    }
    pgstat_report_stat(milliseconds < 0 || milliseconds > settings.batch_wait);
    int events =
        WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(worker.session.consumer), milliseconds,
                      process_wait_event(ProcessWait::messages));
    ResetLatch(MyLatch);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_worker_main(Datum argument) {
    auto number = static_cast<int>(DatumGetInt64(argument));
    worker.session.assignment.partitions.worker = number;
    worker.session.assignment.partitions.workers = settings.workers;
    worker.slot = &shared_state->workers[number];
    snprintf(worker.session.client_id, sizeof(worker.session.client_id), "heartbeat-worker-%d", number);
    worker_start(settings.database, worker.slot);
    distribution_prepare_session();
    worker.session.memory = consumer_memory_create();
    if (worker.session.memory == nullptr || !batch_cycle_create(&worker.session.cycle))
        ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    consumer_session_close_at_exit(&worker.session);

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
