// heartbeat_batch_times() returns a histogram. The histogram shows how long the workers needed to store a
// batch. The view heartbeat_metrics calls this function.
#include "server/server.h"

#include "monitor/worker_stats.h"
#include "server/compat.h"

extern "C" {
#include "utils/float.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_batch_times);
}

using namespace heartbeat;

extern "C" Datum heartbeat_batch_times(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (!shared_state_serves_database())
        return static_cast<Datum>(0);
    LWLockAcquire(shared_state->lock, LW_SHARED);
    BatchTimes times = shared_state->batch_times;
    LWLockRelease(shared_state->lock);
    int64_t batches = 0;
    for (int i = 0; i < batch_time_buckets; i++) {
        batches += times.bucket[i];
        double bound = i == batch_time_buckets - 1
                           ? get_float8_infinity()
                           : static_cast<double>(batch_time_bounds[i]) / USECS_PER_SEC;
        Datum values[3] = {Float8GetDatum(bound), Int64GetDatum(batches),
                           Float8GetDatum(static_cast<double>(times.total) / USECS_PER_SEC)};
        bool nulls[3] = {};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}
