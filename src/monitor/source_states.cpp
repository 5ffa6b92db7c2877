// heartbeat_source_states() returns one row for each source that a worker reads. The data come from shared
// memory. The view heartbeat_source_status calls this function.
#include "server/server.h"

#include "monitor/aggregate_status.h"
#include "monitor/worker_stats.h"
#include "server/compat.h"

#include <tuple>

extern "C" {
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_source_states);
}

namespace heartbeat {

namespace {

// Returns the sources that the workers read, sorted by source_id, and sets *end to the end of this list. If
// several workers read a source, the list contains the source once for each worker.
ReadSource *find_sources(ReadSource **end) {
    auto room = static_cast<size_t>(settings.workers) * static_cast<size_t>(settings.max_sources);
    auto *sources = static_cast<ReadSource *>(palloc(sizeof(ReadSource) * room));
    *end = sources;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (const WorkerSlot &worker : shared_state->workers)
        if (worker.pid != 0)
            shared_state_each_source(worker, [&](const SourceSlot &source) {
                *(*end)++ = {source.source_id, &worker, &source};
            });
    LWLockRelease(shared_state->lock);
    std::sort(sources, *end, [](const ReadSource &one, const ReadSource &other) {
        return std::tie(one.source_id, one.worker) < std::tie(other.source_id, other.worker);
    });
    return sources;
}

void put_row(ReturnSetInfo *result, int32_t source_id, const AggregateStatus &status, const Lag &lag) {
    auto text = [](const char *from) { return *from == '\0' ? 0 : CStringGetTextDatum(from); };
    Datum values[] = {Int32GetDatum(source_id),
                      CStringGetTextDatum(shared_state_name(status.state)),
                      TimestampTzGetDatum(status.since),
                      text(status.reason),
                      text(status.hint),
                      Int32GetDatum(status.workers),
                      Float8GetDatum(status.messages_per_second),
                      text(status.last_error),
                      TimestampTzGetDatum(status.last_error_at),
                      Int64GetDatum(lag.messages),
                      Float8GetDatum(lag.seconds),
                      TimestampTzGetDatum(monotonic_to_timestamptz(status.not_running_since)),
                      TimestampTzGetDatum(monotonic_to_timestamptz(status.running_since))};
    bool nulls[] = {false,
                    false,
                    status.since == 0,
                    status.reason[0] == '\0',
                    status.hint[0] == '\0',
                    false,
                    false,
                    status.last_error[0] == '\0',
                    status.last_error_at == 0,
                    !lag.known,
                    lag.seconds < 0,
                    status.not_running_since == 0,
                    status.running_since == 0};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_source_states(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (!shared_state_serves_database())
        return static_cast<Datum>(0);
    ReadSource *end;
    ReadSource *next = find_sources(&end);
    ProgressList progress = progress_list_take();
    auto *status = static_cast<AggregateStatus *>(palloc(sizeof(AggregateStatus)));
    while (next < end) {
        const ReadSource *first = next;
        next =
            std::find_if(next, end, [=](const ReadSource &one) { return one.source_id != first->source_id; });
        aggregate_status_look_at_source(status, first, next, progress);
        // If one of the workers does not read the source, no other worker reads this worker's Kafka
        // partitions. Then the lag of the source is not known.
        Lag lag = status->workers == settings.workers
                      ? worker_stats_lag(progress_list_of(progress, first->source_id))
                      : Lag{false, 0, -1};
        if (status->any)
            put_row(result, first->source_id, *status, lag);
    }
    return static_cast<Datum>(0);
}
