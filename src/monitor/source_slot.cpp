// Writes the reports of the source readers to shared memory. Only the process that has opened a slot writes
// to the slot.
#include "server/server.h"

#include "monitor/shown_state.h"
#include "monitor/source_slot.h"
#include "monitor/wake.h"
#include "server/text.h"

#include <cstring>

namespace heartbeat {

SourceSlot *source_slot_open(const WorkerSlot &worker, int32_t source_id, const char *name) {
    SourceSlot *slots = shared_state_sources(worker);
    SourceSlot *slot =
        std::find_if(slots, slots + settings.max_sources, [](const SourceSlot &one) { return !one.used; });
    if (slot == slots + settings.max_sources)
        return nullptr;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    memset(static_cast<void *>(slot), 0, sizeof(*slot));
    slot->used = true;
    slot->source_id = source_id;
    text_copy(slot->name, name);
    slot->opened_at = monotonic_now();
    shown_state_begin(&slot->shown);
    slot->shown.state = WorkerState::connecting; // this state stays until the reader reports its own state
    text_copy(slot->shown.reason, starting_reason);
    LWLockRelease(shared_state->lock);
    return slot;
}

void source_slot_close(SourceSlot *slot) {
    shared_state_forget_partitions(slot->source_id);
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->used = false;
    LWLockRelease(shared_state->lock);
    pg_atomic_write_u32(&shared_state->reported, 1); // the state of heartbeat as a whole has possibly changed
    wake_maintenance();
}

int source_slot_number(const WorkerSlot &worker, const SourceSlot *slot) {
    return static_cast<int>(slot - shared_state_sources(worker));
}

void source_slot_report(SourceSlot *slot, WorkerState state, const char *reason, const char *hint) {
    if (!shown_state_set(&slot->shown, state, reason, hint))
        return;
    char label[source_label_size];
    source_slot_label(slot->name, label);
    shown_state_log(slot->shown, label);
}

void source_slot_error(SourceSlot *slot, const char *message) {
    shown_state_error(&slot->shown, message);
}

void source_slot_throttled(SourceSlot *slot, const char *broker, int milliseconds, MonotonicTime until) {
    // only this process writes this slot, so this process can read the slot without the lock
    MonotonicTime now = monotonic_now();
    bool begins = slot->throttled_until < now;
    bool tell = slot->throttled_until + USECS_PER_MINUTE < now;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    if (begins)
        slot->throttled_since = GetCurrentTimestamp();
    slot->throttled_until = until;
    slot->throttled_ms = milliseconds;
    text_copy(slot->throttled_by, broker);
    LWLockRelease(shared_state->lock);
    if (begins) {
        pg_atomic_write_u32(&shared_state->reported, 1);
        wake_maintenance();
    }
    char label[source_label_size];
    source_slot_label(slot->name, label);
    if (tell)
        ereport(LOG,
                (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                 errmsg("heartbeat: %sbroker %s throttles the worker by a quota", label, slot->throttled_by),
                 errhidecontext(true)));
}

void source_slot_label(const char *name, char (&label)[source_label_size]) {
    if (strcmp(name, default_source) == 0)
        label[0] = '\0';
    else
        text_print(label, sizeof(label), "source \"%s\": ", name);
}

} // namespace heartbeat
