// The shared memory itself. One lock guards it; it is held for a few copies at a time.
#include "server/server.h"

#include "monitor/shared_state.h"
#include "server/compat.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace heartbeat {

SharedState *shared_state = nullptr;

namespace {

constexpr char tranche[] = "heartbeat";

shmem_startup_hook_type previous_startup_hook = nullptr;

WorkerSlot *own_slot = nullptr;

void request_memory() {
    RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
    RequestNamedLWLockTranche(tranche, 1);
}

void set_up_memory() {
    if (previous_startup_hook != nullptr)
        previous_startup_hook();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    bool found;
    shared_state = static_cast<SharedState *>(ShmemInitStruct("heartbeat", sizeof(SharedState), &found));
    if (!found) {
        memset(static_cast<void *>(shared_state), 0, sizeof(SharedState));
        shared_state->lock = &GetNamedLWLockTranche(tranche)->lock;
        pg_atomic_init_u64(&shared_state->control_seen, 0);
        pg_atomic_init_u32(&shared_state->rollup_due, 0);
        pg_atomic_init_u32(&shared_state->rollup_rows, 0);
        pg_atomic_init_u64(&shared_state->rules_changed, 0);
        pg_atomic_init_u32(&shared_state->rules_watch, 0);
        pg_atomic_init_u32(&shared_state->arrived, 0);
        pg_atomic_init_u32(&shared_state->silence, 0);
        pg_atomic_init_u32(&shared_state->watched, 0);
        pg_atomic_init_u32(&shared_state->reported, 0);
        pg_atomic_init_u64(&shared_state->announcements_dropped, 0);
        pg_atomic_init_u64(&shared_state->drops_told_at, 0);
        for (PartitionSlot &partition : shared_state->partitions)
            partition.high_watermark = partition.next_offset = -1;
    }
    LWLockRelease(AddinShmemInitLock);
}

void release_slot(int /*code*/, Datum /*argument*/) {
    shared_state_forget_partitions();
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    own_slot->pid = 0;
    own_slot->ended_at = GetCurrentTimestamp();
    own_slot->latch = nullptr;
    if (shared_state->launcher.latch != nullptr)
        SetLatch(shared_state->launcher.latch);
    pg_atomic_write_u32(&shared_state->reported, 1);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

void wake_maintenance() {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

// With the lock held.
void count_change() {
    WorkerState worst = WorkerState::stopped;
    for (const WorkerSlot &worker : shared_state->workers)
        if (worker.pid != 0)
            worst = std::max(worst, worker.state);
    if (worst != shared_state->worst)
        shared_state->changes++;
    shared_state->worst = worst;
}

void copy_text(char *to, const char *from) {
    text_copy(to, state_text_size, from == nullptr ? "" : from);
}

} // namespace

const char *shared_state_name(WorkerState state) {
    static const char *const names[] = {"STOPPED",    "PAUSED",   "RUNNING", "STALLED",
                                        "CONNECTING", "RETRYING", "FAILED"};
    return names[static_cast<int>(state)];
}

const char *shared_state_name(PartitionState state) {
    static const char *const names[] = {"", "READING", "AWAY", "ASKED", "PAUSED"};
    return names[static_cast<int>(state)];
}

void shared_state_request() {
    previous_startup_hook = shmem_startup_hook;
    shmem_startup_hook = set_up_memory;
    when_memory_is_requested(request_memory);
}

void shared_state_forget_partitions() {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    for (PartitionSlot &partition : shared_state->partitions)
        if (partition.pid == MyProcPid)
            partition = {-1, -1, 0, -1, 0, 0, PartitionState::none, ""};
    LWLockRelease(shared_state->lock);
}

bool shared_state_claim(WorkerSlot *slot) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    bool taken = slot->pid != 0;
    if (!taken) {
        memset(static_cast<void *>(slot), 0, sizeof(*slot));
        slot->pid = MyProcPid;
        slot->latch = MyLatch;
        slot->started_at = slot->since = GetCurrentTimestamp();
        slot->state = WorkerState::connecting; // until it says what it found
        copy_text(slot->reason, starting_reason);
    }
    LWLockRelease(shared_state->lock);
    if (taken)
        return false;
    own_slot = slot;
    before_shmem_exit(release_slot, 0);
    return true;
}

bool shared_state_is_claimed() {
    return own_slot != nullptr;
}

void shared_state_report(WorkerSlot *slot, WorkerState state, const char *reason, const char *hint) {
    // only this process writes its slot, so it may read it without the lock
    char reason_now[state_text_size];
    copy_text(reason_now, reason);
    if (slot->state == state && strcmp(slot->reason, reason_now) == 0)
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->state = state;
    slot->since = GetCurrentTimestamp();
    copy_text(slot->reason, reason);
    copy_text(slot->hint, hint);
    count_change();
    LWLockRelease(shared_state->lock);
    pg_atomic_write_u32(&shared_state->reported, 1);
    wake_maintenance();
    pgstat_report_activity(STATE_IDLE, *reason_now == '\0' ? shared_state_name(state) : reason_now);
    if (slot == &shared_state->launcher && state == WorkerState::running)
        return; // it has started them: how they are they say themselves
    bool trouble = state == WorkerState::failed || state == WorkerState::retrying;
    ereport(trouble ? WARNING : LOG, (errcode(trouble ? ERRCODE_WARNING : ERRCODE_SUCCESSFUL_COMPLETION),
                                      errmsg("heartbeat: %s%s%s", shared_state_name(state),
                                             *reason_now == '\0' ? "" : ": ", reason_now),
                                      hint == nullptr ? 0 : errhint("%s", hint), errhidecontext(true)));
}

void shared_state_throttled(WorkerSlot *slot, const char *broker, int milliseconds, TimestampTz until) {
    // only this process writes its slot, so it may read it without the lock
    TimestampTz now = GetCurrentTimestamp();
    bool begins = slot->throttled_until < now;
    bool tell = slot->throttled_until + USECS_PER_MINUTE < now;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    if (begins)
        slot->throttled_since = now;
    slot->throttled_until = until;
    slot->throttled_ms = milliseconds;
    text_copy(slot->throttled_by, broker);
    LWLockRelease(shared_state->lock);
    if (begins) {
        pg_atomic_write_u32(&shared_state->reported, 1);
        wake_maintenance();
    }
    if (tell)
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: broker %s throttles the worker by a quota", slot->throttled_by),
                      errhidecontext(true)));
}

void shared_state_error(WorkerSlot *slot, const char *message) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    copy_text(slot->last_error, message);
    slot->last_error_at = GetCurrentTimestamp();
    LWLockRelease(shared_state->lock);
}

void shared_state_await(const AwaitedLock &awaited) {
    if (own_slot == nullptr)
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    own_slot->awaited = awaited;
    LWLockRelease(shared_state->lock);
}

void shared_state_doing(WorkerSlot *slot, WorkerActivity activity, long milliseconds) {
    TimestampTz now = GetCurrentTimestamp();
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->activity = activity;
    slot->active_since = now;
    slot->back_at = milliseconds < 0 ? 0 : now + milliseconds * INT64CONST(1000);
    LWLockRelease(shared_state->lock);
}

void shared_state_wake_all() {
    pg_atomic_fetch_add_u64(&shared_state->control_seen, 1);
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (WorkerSlot &worker : shared_state->workers)
        if (worker.latch != nullptr)
            SetLatch(worker.latch);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

void shared_state_rollup(uint32_t rows) {
    uint32_t before = pg_atomic_fetch_add_u32(&shared_state->rollup_rows, static_cast<int32>(rows));
    bool hurry = before < rollup_rows_max && before + rows >= rollup_rows_max;
    if (pg_atomic_exchange_u32(&shared_state->rollup_due, 1) == 0 || hurry)
        wake_maintenance();
}

void shared_state_rules_changed() {
    pg_atomic_fetch_add_u64(&shared_state->rules_changed, 1);
    wake_maintenance();
}

void shared_state_arrived() {
    if (pg_atomic_read_u32(&shared_state->rules_watch) == 1 &&
        pg_atomic_exchange_u32(&shared_state->arrived, 1) == 0)
        wake_maintenance();
}

uint64_t shared_state_announcement_dropped() {
    if (shared_state == nullptr)
        return 0;
    uint64_t dropped = pg_atomic_fetch_add_u64(&shared_state->announcements_dropped, 1) + 1;
    auto now = static_cast<uint64_t>(GetCurrentTimestamp());
    uint64_t told_at = pg_atomic_read_u64(&shared_state->drops_told_at);
    bool due = told_at == 0 || now > told_at + USECS_PER_MINUTE;
    return due && pg_atomic_compare_exchange_u64(&shared_state->drops_told_at, &told_at, now) ? dropped : 0;
}

void shared_state_watch() {
    if (pg_atomic_exchange_u32(&shared_state->watched, 1) == 0)
        wake_maintenance();
}

uint64_t shared_state_generation() {
    return pg_atomic_read_u64(&shared_state->control_seen);
}

} // namespace heartbeat
