// Sends notifications with NOTIFY. store.cpp calls it for anomalies, and the SQL function heartbeat_notify()
// for states and alerts. All roles and databases of the server share one notification queue. If the queue is
// nearly full, announce() drops the notification and counts it, so storing a reading never waits for the
// queue.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Sends NOTIFY heartbeat_anomaly for each anomaly of the batch that was stored. stored[i] belongs to
// batch->anomalies[i]. The payload looks like
// {"customer_id":"CUST-0007","heart_rate":212,"anomaly_type":"TACHYCARDIA","event_timestamp":"2026-11-22T14:39:02.123456+00:00"}.
// A batch sends at most 100 of them. One further payload {"omitted":N} gives the number of the other
// anomalies.
void announce_anomalies(const Batch *batch, const bool *stored);

// Sends the notification when the current transaction commits, or drops it.
void announce(const char *channel, const char *payload);

// A worker's transaction calls this just before its commit, because the server puts notifications into its
// queue during the commit. If the commit then fails after a notification was sent, announce() assumes that
// the queue was the cause, and drops all notifications for a minute.
void announce_committing();

// Call it in _PG_init. announce() calls `count` for each notification that it drops. `count` decides
// whether announce() logs this drop: it returns the number of drops so far if announce() must log it,
// otherwise 0.
void announce_count_dropped_by(uint64_t (*count)());

// Writes a time as notifications and the log show it: ISO 8601 in UTC. `text` must have room for MAXDATELEN +
// 1 bytes.
void announce_timestamp(int64_t event_time, char *text);

} // namespace heartbeat
