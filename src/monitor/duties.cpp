// Keeps the state of the maintenance worker's duties in shared memory. heartbeat_status shows the failing
// duties, and heartbeat_maintenance_duties() returns all duties as rows.
#include "server/server.h"

#include "monitor/duties.h"
#include "server/compat.h"
#include "server/text.h"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_maintenance_duties);
}

namespace heartbeat {

namespace {

// After this number of consecutive failures, heartbeat_status shows the duty as failing.
constexpr int failures_shown = 3;
constexpr TimestampTz patience = 15 * USECS_PER_MINUTE;
constexpr TimestampTz long_at_work = 15 * USECS_PER_MINUTE;

struct DutyName {
    const char *name;
    const char *act;
    bool is_long = false; // the duty may take hours
};

constexpr DutyName names[duties_count] = {
    {"partitions", "create table partitions"},
    {"retention", "apply retention"},
    {"indexes", "summarize indexes"},
    {"fold", "add pending sums to the rollup"},
    {"rollup", "rebuild changed minutes of the rollup"},
    {"alerts", "evaluate alert rules"},
    {"events", "record the state in heartbeat_events"},
    {"summary", "write the summary to the log"},
    {"packing", "pack old weeks", true},
};

DutySlot *slot_of(Duty duty) {
    return &shared_state->duties[static_cast<int>(duty)];
}

// Returns the moment at which the duty's trouble began. The moment is not set if the duty has no trouble. If
// the duty fails again and again, the trouble began with the first of these failures. If the present run
// takes too long, the trouble began with the start of this run.
Moment troubled_since(const DutySlot &duty, MonotonicTime now) {
    if (duty.failing.is_set() && duty.failures >= failures_shown &&
        (!duty.patiently || duty.failing.clock + patience < now))
        return duty.failing;
    bool is_long = names[&duty - shared_state->duties].is_long;
    return !is_long && duty.began.is_set() && duty.began.clock + long_at_work < now ? duty.began : Moment{};
}

const DutySlot *find_troubled(MonotonicTime now) {
    const DutySlot *worst = nullptr;
    MonotonicTime worst_since = 0;
    for (const DutySlot &duty : shared_state->duties) {
        Moment since = troubled_since(duty, now);
        if (since.is_set() && (worst == nullptr || since.clock < worst_since)) {
            worst = &duty;
            worst_since = since.clock;
        }
    }
    return worst;
}

void forget_run(DutySlot *slot) {
    slot->began = slot->failing = {};
    slot->failures = 0;
}

void describe(const DutySlot &duty, char *text, size_t size) {
    const char *act = names[&duty - shared_state->duties].act;
    if (duty.failing.is_set())
        text_print(text, size, "the maintenance worker cannot %s: %s", act, duty.reason);
    else
        text_print(text, size, "the maintenance worker began to %s at %s, and has not finished", act,
                   timestamptz_to_str(duty.began.shown));
}

} // namespace

void duties_forget() {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    for (DutySlot &duty : shared_state->duties)
        forget_run(&duty);
    LWLockRelease(shared_state->lock);
}

void duty_forget(Duty duty) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    DutySlot *slot = slot_of(duty);
    forget_run(slot);
    slot->reason[0] = slot->hint[0] = '\0';
    LWLockRelease(shared_state->lock);
    pg_atomic_write_u32(&shared_state->reported, 1); // the state of heartbeat as a whole has possibly changed
}

void duty_begins(Duty duty) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot_of(duty)->began = moment_now();
    LWLockRelease(shared_state->lock);
}

void duty_done(Duty duty) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    DutySlot *slot = slot_of(duty);
    bool shown = slot->failures >= failures_shown;
    forget_run(slot);
    slot->reason[0] = slot->hint[0] = '\0';
    slot->done_at = GetCurrentTimestamp();
    LWLockRelease(shared_state->lock);
    if (shown)
        // the state of heartbeat as a whole has possibly changed
        pg_atomic_write_u32(&shared_state->reported, 1);
}

void duty_failed(Duty duty, const char *reason, const char *hint, bool patiently) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    DutySlot *slot = slot_of(duty);
    slot->began = {};
    if (!slot->failing.is_set())
        slot->failing = moment_now();
    slot->failures++;
    slot->failures_total++;
    slot->patiently = patiently;
    text_copy(slot->reason, reason);
    text_copy(slot->hint, hint);
    bool shown = slot->failures >= failures_shown;
    LWLockRelease(shared_state->lock);
    if (shown)
        pg_atomic_write_u32(&shared_state->reported, 1);
}

bool duties_find_trouble(DutyTrouble *trouble, MonotonicTime now) {
    const DutySlot *duty = find_troubled(now);
    if (duty == nullptr)
        return false;
    trouble->name = names[duty - shared_state->duties].name;
    trouble->since = troubled_since(*duty, now);
    describe(*duty, trouble->reason, sizeof(trouble->reason));
    text_copy(trouble->hint,
              duty->failing.is_set()
                  ? duty->hint
                  : "pg_stat_activity and pg_locks show what the process \"heartbeat maintenance\" does.");
    text_add_sentence(trouble->hint, sizeof(trouble->hint), "Ingest continues.");
    return true;
}

bool duties_describe(char *sentence, size_t size) {
    char text[state_text_size];
    LWLockAcquire(shared_state->lock, LW_SHARED);
    const DutySlot *duty = find_troubled(monotonic_now());
    if (duty != nullptr)
        describe(*duty, text, sizeof(text));
    LWLockRelease(shared_state->lock);
    if (duty == nullptr)
        return false;
    text_print(sentence, size, "In addition, %s.", text);
    return true;
}

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_maintenance_duties(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (!shared_state_serves_database())
        return static_cast<Datum>(0);
    auto *duties = static_cast<DutySlot *>(palloc(sizeof(shared_state->duties)));
    LWLockAcquire(shared_state->lock, LW_SHARED);
    memcpy(duties, shared_state->duties, sizeof(shared_state->duties));
    LWLockRelease(shared_state->lock);
    for (int i = 0; i < duties_count; i++) {
        const DutySlot &duty = duties[i];
        Datum values[7] = {CStringGetTextDatum(names[i].name),      TimestampTzGetDatum(duty.done_at),
                           TimestampTzGetDatum(duty.failing.shown), Int64GetDatum(duty.failures),
                           Int64GetDatum(duty.failures_total),      CStringGetTextDatum(duty.reason),
                           CStringGetTextDatum(duty.hint)};
        bool nulls[7] = {false, duty.done_at == 0,      !duty.failing.is_set(), false,
                         false, duty.reason[0] == '\0', duty.hint[0] == '\0'};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}
