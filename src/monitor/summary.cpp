// Logs the number of messages stored in the last period, for a person who reads the log. One line contains
// the numbers of all workers. The counters come from heartbeat_offsets, and the times of the batches come
// from shared memory.
#include "server/server.h"

#include "monitor/summary.h"
#include "monitor/table_status.h"
#include "server/clock.h"
#include "server/extension.h"
#include "server/statement.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
}

namespace heartbeat {

namespace {

// `messages` counts the messages that ingest or a replay has read. A retry of dead letters changes the other
// counters, but not `messages`.
Statement select_totals = {R"sql(
    SELECT greatest(least(messages, 9223372036854775807), 0)::bigint,
        least(records, 9223372036854775807)::bigint, least(anomalies, 9223372036854775807)::bigint,
        least(duplicates, 9223372036854775807)::bigint, least(dead_letters, 9223372036854775807)::bigint
    FROM (
        SELECT
            coalesce(sum(next_offset::numeric - first_offset + rewound - empty_offsets), 0) AS messages,
            coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
            coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(dead_letters), 0) AS dead_letters
        FROM @extschema@.heartbeat_offsets) totals)sql"};

struct Totals {
    Oid extension; // InvalidOid: the database did not have the extension, and the counters are 0
    int64_t messages, records, anomalies, duplicates, dead_letters;
    int64_t batches, microseconds, longest;
    MonotonicTime at;
};
Totals begin;
bool begun;

// Call this function with an SPI connection.
void read_counters(Totals *totals) {
    statement_execute(&select_totals, nullptr, nullptr, SPI_OK_SELECT);
    int64_t *counters[] = {&totals->messages, &totals->records, &totals->anomalies, &totals->duplicates,
                           &totals->dead_letters};
    for (int i = 0; i < static_cast<int>(lengthof(counters)); i++)
        *counters[i] = statement_int8(0, i + 1);
}

// Reads the counters in shared memory, which DROP EXTENSION does not reset.
void read_batch_times(Totals *totals) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    BatchTimes *times = &shared_state->batch_times;
    totals->batches = times->batches;
    totals->microseconds = times->total;
    totals->longest = times->longest;
    times->longest = 0;
    LWLockRelease(shared_state->lock);
}

// Returns false if another session has locked heartbeat_offsets.
bool take(Totals *totals) {
    totals->at = monotonic_now();
    Extension extension;
    bool readable = true;
    if (transaction_begin(&extension, XACT_READ_COMMITTED)) {
        totals->extension = extension.oid;
        readable = table_status_can_read("heartbeat_offsets");
        if (readable)
            read_counters(totals);
        transaction_commit();
    }
    if (readable)
        read_batch_times(totals);
    return readable;
}

void log(const Totals &now, const Lag &lag) {
    double seconds = static_cast<double>(now.at - begin.at) / USECS_PER_SEC;
    int64_t messages = now.messages - begin.messages;
    int64_t batches = now.batches - begin.batches;
    double mean = batches == 0 ? 0
                               : static_cast<double>(now.microseconds - begin.microseconds) /
                                     static_cast<double>(batches) / 1000;
    char behind[64] = "lag not known";
    if (lag.known)
        snprintf(behind, sizeof(behind), "lag %lld messages, %.1f s", static_cast<long long>(lag.messages),
                 std::max(lag.seconds, 0.0));
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                  errmsg("heartbeat: %lld messages in %.0f s (%.1f/s): %lld records, %lld anomalies, %lld "
                         "duplicates, %lld dead letters; %s; %lld batches, mean %.1f ms, longest %.1f ms",
                         static_cast<long long>(messages), seconds, static_cast<double>(messages) / seconds,
                         static_cast<long long>(now.records - begin.records),
                         static_cast<long long>(now.anomalies - begin.anomalies),
                         static_cast<long long>(now.duplicates - begin.duplicates),
                         static_cast<long long>(now.dead_letters - begin.dead_letters), behind,
                         static_cast<long long>(batches), mean, static_cast<double>(now.longest) / 1000),
                  errhidecontext(true)));
}

} // namespace

void summary_open() {
    begin.at = monotonic_now();
}

void summary_log() {
    Totals now = {};
    if (!take(&now))
        return;
    Lag lag = worker_stats_lag_of_all();
    if (now.extension != begin.extension) // the counters of a new extension begin at 0
        begin.messages = begin.records = begin.anomalies = begin.duplicates = begin.dead_letters = 0;
    if (begun && settings.log_summary > 0 && now.messages > begin.messages)
        log(now, lag);
    begin = now;
    begun = true;
}

} // namespace heartbeat
