// Finds the state of heartbeat as a whole: the most severe state of all sources. This file also finds three
// states that a worker cannot report: a worker makes no progress, a worker does not run, or no worker has
// started yet.
#include "server/server.h"

#include "monitor/absent_workers.h"
#include "monitor/aggregate_status.h"
#include "monitor/duties.h"
#include "monitor/source_slot.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_stats.h"
#include "server/text.h"

#include <cstring>

namespace heartbeat {

namespace {

// The present time and the progress of the Kafka partitions, for all functions that compute a state.
struct Look {
    const ProgressList &progress;
    MonotonicTime now;
};

void set(AggregateStatus *aggregate, WorkerState state, TimestampTz since, const char *reason,
         const char *hint) {
    aggregate->state = state;
    aggregate->since = since;
    text_copy(aggregate->reason, reason);
    text_copy(aggregate->hint, hint);
    aggregate->throttled = false;
    aggregate->any = true;
    aggregate->source[0] = '\0';
}

// Sets the state of one source. If the caller asks for the state of heartbeat as a whole, the reason begins
// with the name of the source, except for the source `default`.
void set_of_source(AggregateStatus *aggregate, const SourceSlot &source, WorkerState state, TimestampTz since,
                   const char *reason, const char *hint) {
    char label[source_label_size];
    source_slot_label(source.name, label);
    char named[state_text_size];
    text_print(named, sizeof(named), "%s%s", aggregate->of_one || reason[0] == '\0' ? "" : label, reason);
    set(aggregate, state, since, named, hint);
    text_copy(aggregate->source, source.name);
}

bool is_throttled(const SourceSlot &source, MonotonicTime now) {
    return source.shown.state == WorkerState::running && now < source.throttled_until;
}

// Sets the state RUNNING with the broker and its quota as the reason.
void tell_throttle(AggregateStatus *aggregate, const SourceSlot &source) {
    char reason[state_text_size];
    text_print(reason, sizeof(reason),
               "broker %s throttles the worker by a quota, and delayed an answer by %d ms",
               source.throttled_by, source.throttled_ms);
    set_of_source(
        aggregate, source, WorkerState::running, source.throttled_since, reason,
        "The worker continues to read as fast as the quota allows. If the lag grows, raise "
        "consumer_byte_rate or request_percentage. kafka-configs.sh --describe --entity-type clients (or "
        "users) shows the quotas.");
    aggregate->throttled = true;
}

void tell_stall(AggregateStatus *aggregate, const SourceSlot &source, MonotonicTime stalled_since,
                MonotonicTime now, const PartitionProgress *partition) {
    auto seconds = static_cast<long>((now - stalled_since) / USECS_PER_SEC);
    TimestampTz since = monotonic_to_timestamptz(stalled_since);
    char reason[state_text_size];
    if (partition == nullptr) {
        text_print(reason, sizeof(reason), "a batch has been waiting for %ld seconds to be stored", seconds);
        set_of_source(aggregate, source, WorkerState::stalled, since, reason,
                      "To see what the worker waits for: SELECT pid, wait_event_type, wait_event, query, "
                      "pg_blocking_pids(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'.");
        return;
    }
    text_print(reason, sizeof(reason),
               "Kafka has delivered nothing of partition %d for %ld seconds, but its end offset is %lld, "
               "%lld above the next offset %lld",
               partition->key.partition, seconds, static_cast<long long>(partition->high_watermark),
               static_cast<long long>(partition->high_watermark - partition->next_offset),
               static_cast<long long>(partition->next_offset));
    set_of_source(
        aggregate, source, WorkerState::stalled, since, reason,
        "Kafka delivers no message after the beginning of a transaction that its producer has not ended: "
        "kafka-transactions.sh find-hanging shows such a transaction. If the tool shows no such "
        "transaction, see the brokers' logs.");
}

// Sets STALLED if the worker should have returned to its loop more than heartbeat.stall_timeout ago. STALLED
// replaces every other state except RETRYING and FAILED.
void look_for_absence(AggregateStatus *aggregate, const WorkerSlot &worker, MonotonicTime now) {
    MonotonicTime since = worker_stats_missed_since(worker, now);
    bool away = since != 0 && since + settings.stall_timeout * USECS_PER_SEC < now;
    if (!away || aggregate->state > WorkerState::connecting || aggregate->state == WorkerState::stalled)
        return;
    char reason[state_text_size];
    text_print(reason, sizeof(reason),
               "worker %d (process id %d) has not responded for %ld seconds: its last activity was %s",
               static_cast<int>(&worker - shared_state->workers), worker.pid,
               static_cast<long>((now - since) / USECS_PER_SEC), worker_slot_activity_name(worker));
    char hint[state_text_size];
    text_print(hint, sizeof(hint),
               "To see what the process waits for: SELECT wait_event_type, wait_event, query, "
               "pg_blocking_pids(pid) FROM pg_stat_activity WHERE pid = %d. A superuser can end the process "
               "with SELECT pg_terminate_backend(%d), and the launcher starts a new worker.",
               worker.pid, worker.pid);
    set(aggregate, WorkerState::stalled, monotonic_to_timestamptz(since), reason, hint);
}

// Sets STALLED if the source is RUNNING and has made no progress for heartbeat.stall_timeout.
void look_for_stall(AggregateStatus *aggregate, const WorkerSlot &worker, const SourceSlot &source,
                    const Look &look) {
    const PartitionProgress *partition;
    MonotonicTime since = worker_stats_waiting_since(
        worker, source, progress_list_of(look.progress, source.source_id), &partition);
    if (partition != nullptr && is_throttled(source, look.now))
        // The worker waits for a broker that throttles the source, so the source is not stalled. The reason
        // of the source already shows the throttling.
        return;
    bool stalls = since != 0 && since + settings.stall_timeout * USECS_PER_SEC < look.now;
    // the worker may have stored messages of the Kafka partition since the progress was copied
    if (stalls && partition != nullptr && !worker_stats_still_waits(*partition))
        return;
    if (stalls &&
        (aggregate->state < WorkerState::stalled || monotonic_to_timestamptz(since) < aggregate->since))
        tell_stall(aggregate, source, since, look.now, partition);
}

void take_turn(AggregateStatus *aggregate, const ShownState &shown) {
    if (shown.state == WorkerState::running)
        aggregate->running_since = std::max(aggregate->running_since, shown.running_since);
    else if (shown.state == WorkerState::paused)
        return; // a pause is no part of a trouble that begins after the pause
    else if (aggregate->not_running_since == 0 || shown.not_running_since < aggregate->not_running_since)
        aggregate->not_running_since = shown.not_running_since;
}

void look_at_source(AggregateStatus *aggregate, const WorkerSlot &worker, const SourceSlot &source,
                    const Look &look) {
    aggregate->messages_per_second += worker_stats_rate(source, look.now);
    if (source.busy_since != 0 && (aggregate->busy_since == 0 || source.busy_since < aggregate->busy_since)) {
        aggregate->busy_since = source.busy_since;
        aggregate->awaited = worker.awaited;
    }
    const ShownState &shown = source.shown;
    take_turn(aggregate, shown);
    if (!aggregate->any || shown.state > aggregate->state)
        set_of_source(aggregate, source, shown.state, shown.since, shown.reason, shown.hint);
    if (is_throttled(source, look.now) && aggregate->state <= WorkerState::running)
        tell_throttle(aggregate, source);
    if (shown.state == WorkerState::running && aggregate->state <= WorkerState::stalled)
        look_for_stall(aggregate, worker, source, look);
}

void look_at_worker(AggregateStatus *aggregate, const WorkerSlot &worker, const Look &look) {
    aggregate->workers++;
    const ShownState &shown = worker.shown;
    if (shown.state != WorkerState::running && (!aggregate->any || shown.state > aggregate->state))
        set(aggregate, shown.state, shown.since, shown.reason, shown.hint);
    shared_state_each_source(
        worker, [&](const SourceSlot &source) { look_at_source(aggregate, worker, source, look); });
    look_for_absence(aggregate, worker, look.now);
}

// A worker that does not run cannot report a state, so this function sets the state for such workers.
void look_for_absent_workers(AggregateStatus *aggregate, MonotonicTime now) {
    ShownState shown = {};
    if ((aggregate->workers > 0 && aggregate->state >= WorkerState::retrying) ||
        !absent_workers_find(aggregate->workers, now, &shown))
        return;
    // Some workers are still starting. If the other workers are not RUNNING, keep their state, which tells a
    // person more than "the workers are starting".
    if (aggregate->workers > 0 && shown.state == WorkerState::connecting &&
        aggregate->state != WorkerState::running)
        return;
    set(aggregate, shown.state, shown.since == 0 ? aggregate->since : shown.since, shown.reason, shown.hint);
}

void take_error(AggregateStatus *aggregate, const ShownState &shown) {
    if (shown.last_error_at <= aggregate->last_error_at)
        return;
    text_copy(aggregate->last_error, shown.last_error);
    aggregate->last_error_at = shown.last_error_at;
}

void find_last_error(AggregateStatus *aggregate) {
    take_error(aggregate, shared_state->maintenance.shown);
    for (int i = 0; i < settings.workers; i++) {
        take_error(aggregate, shared_state->workers[i].shown);
        shared_state_each_source(shared_state->workers[i],
                                 [&](const SourceSlot &source) { take_error(aggregate, source.shown); });
    }
}

} // namespace

void aggregate_status_look(AggregateStatus *aggregate) {
    aggregate_status_look_at_ingest(aggregate);
    LWLockAcquire(shared_state->lock, LW_SHARED);
    DutyTrouble trouble;
    if (aggregate->state == WorkerState::running && duties_find_trouble(&trouble, monotonic_now())) {
        aggregate->state = WorkerState::retrying;
        aggregate->since = trouble.since.shown;
        aggregate->of_maintenance = true;
        aggregate->source[0] = '\0';
        text_copy(aggregate->reason, trouble.reason);
        text_copy(aggregate->hint, trouble.hint);
    }
    LWLockRelease(shared_state->lock);
}

void aggregate_status_look_at_ingest(AggregateStatus *aggregate) {
    *aggregate = {};
    ProgressList progress = progress_list_take();
    Look look = {progress, monotonic_now()};
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (const WorkerSlot &worker : shared_state->workers)
        if (worker.pid != 0)
            look_at_worker(aggregate, worker, look);
    look_for_absent_workers(aggregate, look.now);
    find_last_error(aggregate);
    LWLockRelease(shared_state->lock);
    progress_list_free(&progress);
}

void aggregate_status_look_at_source(AggregateStatus *aggregate, const ReadSource *first,
                                     const ReadSource *last, const ProgressList &progress) {
    *aggregate = {};
    aggregate->of_one = true;
    Look look = {progress, monotonic_now()};
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (const ReadSource *read = first; read < last; read++) {
        const SourceSlot &source = *read->slot;
        if (read->worker->pid == 0 || !source.used || source.source_id != read->source_id)
            continue;
        aggregate->workers++;
        look_at_source(aggregate, *read->worker, source, look);
        take_error(aggregate, source.shown);
        look_for_absence(aggregate, *read->worker, look.now);
    }
    LWLockRelease(shared_state->lock);
}

} // namespace heartbeat
