// Announcements by NOTIFY. They are a service, which no reading waits for: the server's queue
// is shared by all roles and databases, and where it is full an announcement is dropped and counted.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// NOTIFY heartbeat_anomaly, for each anomaly of the batch that was stored (stored[i] is of
// batch->anomalies[i]), with a payload like
// {"customer_id":"CUST-0007","heart_rate":212,"anomaly_type":"TACHYCARDIA","event_timestamp":"2026-11-22T14:39:02.123456+00:00"}.
// After the first hundred of a batch one {"omitted":N} stands for the rest.
void announce_anomalies(const Batch *batch, const bool *stored);

// NOTIFY in the current transaction, or dropped.
void announce(const char *channel, const char *payload);

// A worker's transaction is about to commit, which is when the server puts announcements into its queue: an
// error from here on is put down to them, and none is made for a while.
void announce_committing();

// In _PG_init: the function counts one that was dropped. It returns how many were so far where the log is to
// say so.
void announce_count_dropped_by(uint64_t (*count)());

// How a time is written in an announcement and in the log: ISO 8601 in UTC; text has room for MAXDATELEN + 1
// bytes.
void announce_timestamp(int64_t event_time, char *text);

} // namespace heartbeat
