// Server half: the maintenance worker, which does apart from ingest what ingest need not wait for: partitions
// ahead of time, the rollup, retention. It sleeps until ingest has left it something, or a day has passed.
#include "server.h"

#include "process.h"
#include "storage/partitions.h"
#include "storage/rollup.h"
#include "storage/sql.h"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz hour = USECS_PER_HOUR;
constexpr long retry_ms = 10000;

struct Schedule {
    TimestampTz rollup; // when each is due; 0 is never
    TimestampTz partitions;
    TimestampTz retention;
    uint64_t control_seen;
};

bool due(TimestampTz time, TimestampTz now) {
    return time != 0 && time <= now;
}

void look_around(Schedule *schedule, TimestampTz now) {
    uint64_t control_seen = shared_state_generation();
    if (control_seen != schedule->control_seen) // the extension may be new
        schedule->partitions = schedule->rollup = now;
    schedule->control_seen = control_seen;
    if (schedule->rollup == 0 && pg_atomic_read_u32(&shared_state->stale_minutes) == 1)
        schedule->rollup = now + rollup_quiet_ms * 1000;
    if (settings.retention == 0)
        schedule->retention = 0;
    else if (schedule->retention == 0)
        schedule->retention = now;
}

void work(Schedule *schedule, TimestampTz now) {
    if (due(schedule->partitions, now)) {
        pgstat_report_activity(STATE_RUNNING, "making partitions");
        partitions_make_ahead();
        schedule->partitions = now + 24 * hour;
    }
    if (due(schedule->retention, now)) {
        pgstat_report_activity(STATE_RUNNING, "applying retention");
        partitions_apply_retention();
        schedule->retention = now + hour;
    }
    if (due(schedule->rollup, now)) {
        pgstat_report_activity(STATE_RUNNING, "rolling up minutes");
        pg_atomic_write_u32(&shared_state->stale_minutes, 0); // before looking, so that no mark is missed
        bool marks_remain = rollup_run();
        schedule->rollup = marks_remain ? GetCurrentTimestamp() + rollup_quiet_ms * 1000 : 0;
    }
    pgstat_report_activity(STATE_IDLE, nullptr);
}

long until_next(const Schedule &schedule) {
    TimestampTz next = 0;
    for (TimestampTz time : {schedule.rollup, schedule.partitions, schedule.retention})
        if (time != 0 && (next == 0 || time < next))
            next = time;
    if (next == 0)
        return -1;
    return static_cast<long>(std::max<TimestampTz>(next - GetCurrentTimestamp(), 0) / 1000 + 1);
}

// Returns how long to sleep.
long attempt(Schedule *schedule) {
    volatile long sleep = retry_ms;
    PG_TRY();
    {
        TimestampTz now = GetCurrentTimestamp();
        look_around(schedule, now);
        work(schedule, now);
        sleep = until_next(*schedule);
    }
    PG_CATCH();
    { process_recover(&shared_state->maintenance); }
    PG_END_TRY();
    return sleep;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_maintenance_main(Datum /*argument*/) {
    process_start(settings.database, &shared_state->maintenance);
    static Schedule schedule;
    TimestampTz now = GetCurrentTimestamp();
    schedule = {now, now, 0, shared_state_generation()};
    for (;;) {
        process_interrupts();
        process_sleep(attempt(&schedule));
    }
}
