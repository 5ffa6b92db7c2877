// Storage wing: tells listeners of anomalies when their rows commit.
#pragma once

#include "stream/batch.h"

namespace heartbeat {

// NOTIFY heartbeat_anomaly, for each anomaly of the batch that was stored (stored[i] is of
// batch->anomalies[i]), with a payload like
// {"customer_id":"CUST-0007","heart_rate":212,"anomaly_type":"TACHYCARDIA","event_timestamp":"2026-11-22T14:39:02.123456+00:00"}.
// After the first hundred of a batch one {"omitted":N} stands for the rest.
void announce_anomalies(const Batch *batch, const bool *stored);

// ISO 8601 in UTC, as the payload has it; text has room for MAXDATELEN + 1 bytes.
void announce_timestamp(int64_t event_time, char *text);

} // namespace heartbeat
