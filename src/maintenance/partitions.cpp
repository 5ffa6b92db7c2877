// Calls the extension's functions that create and drop table partitions. After an attempt to create the table
// partitions of a week, this file remembers the week, and does not try again for a minute.
#include "server/server.h"

#include "maintenance/partitions.h"
#include "server/clock.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/settings.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr int64_t week = INT64CONST(7) * USECS_PER_DAY;
constexpr int64_t monday = INT64CONST(4) * USECS_PER_DAY; // 1970-01-05 was the first Monday after 1970-01-01
constexpr int64_t late_max = 53 * week;
constexpr int64_t early_max = week;
// after this time, the worker calls heartbeat_make_partitions() again for the same week
constexpr int64_t seen_to_for = INT64CONST(60) * USECS_PER_SEC;
constexpr int weeks_kept = 64;

constexpr OwnFunction make_partitions = {"heartbeat_make_partitions", {TIMESTAMPTZOID, TIMESTAMPTZOID}};
constexpr OwnFunction apply_retention = {"heartbeat_apply_retention"};

struct KnownWeek {
    int64_t number;
    MonotonicTime until;
    uint64_t generation;
};
KnownWeek known_weeks[weeks_kept]; // the index is the week's number modulo weeks_kept
KnownWeek nothing_known = {-1, 0, 0};

int64_t week_number(int64_t event_time) {
    int64_t since_monday = event_time - monday;
    return since_monday >= 0 ? since_monday / week : -1 - (-1 - since_monday) / week;
}

KnownWeek &known(int64_t number) {
    return number < 0 ? nothing_known : known_weeks[number % weeks_kept];
}

void make(TimestampTz first, TimestampTz last) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return; // the extension is missing, and the transaction that stores the batch reports this error
    Datum values[2] = {TimestampTzGetDatum(first), TimestampTzGetDatum(last)};
    Datum made;
    own_function_call(make_partitions, values, nullptr, &made);
    transaction_commit();
}

void make_or_go_without(TimestampTz time) {
    MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    make(time, time);
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        bool passing = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
        // An object of a user prevents the creation, for example a trigger. A publication can prevent the
        // DELETE of the week's readings from the default partition.
        bool obstructed = error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
                          error->sqlerrcode == ERRCODE_INVALID_COLUMN_REFERENCE;
        if (!passing && !obstructed)
            PG_RE_THROW();
        FlushErrorState();
        transaction_abandon();
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: could not create the table partition for the week of %s: %s",
                             timestamptz_to_str(time), error->message),
                      errdetail("Readings of this week go to the default partitions. The worker tries again "
                                "after a minute."),
                      errhidecontext(true)));
        FreeErrorData(error);
    }
    PG_END_TRY();
}

} // namespace

void partitions_prepare(const Batch *batch) {
    TimestampTz now = GetCurrentTimestamp();
    for (int64_t minute : batch->minutes) {
        int64_t number = week_number(minute);
        TimestampTz time = to_timestamptz(minute);
        KnownWeek &seen_to = known(number);
        bool believed = seen_to.number == number && seen_to.until > monotonic_now() &&
                        seen_to.generation == extension_generation();
        if (believed || time < now - late_max || time > now + early_max)
            continue;
        make_or_go_without(time);
        seen_to = {number, monotonic_now() + seen_to_for, extension_generation()};
    }
}

void partitions_make_ahead() {
    TimestampTz now = GetCurrentTimestamp();
    make(now, now + week);
}

void partitions_apply_retention() {
    Extension extension;
    if (settings.retention == 0 || !transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    Datum removed;
    own_function_call(apply_retention, nullptr, nullptr, &removed);
    transaction_commit();
}

} // namespace heartbeat
