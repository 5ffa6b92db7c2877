// Sends notifications with NOTIFY. store.cpp calls this file for anomalies. The SQL function
// heartbeat_notify() calls this file for states and alerts. All roles and databases of the server share one
// notification queue. If the queue is full, the commit of a NOTIFY fails. So if the queue is too full,
// announce() drops the notification and counts the drop, and ingest continues.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Sends NOTIFY heartbeat_anomaly for each stored anomaly of the batch. stored[i] is true if
// batch->anomalies[i] was stored. The payload looks like
// {"customer_id":"CUST-0007","heart_rate":212,"anomaly_type":"TACHYCARDIA","event_timestamp":"2026-11-22T14:39:02.123456+00:00"}.
// If the batch has more than 100 anomalies, the function sends a payload for 100 of them, and then the
// payload {"omitted":N}. N is the number of the other anomalies.
void announce_anomalies(const Batch *batch, const bool *stored);

// Sends the notification when the current transaction commits. If the queue is too full, the function drops
// the notification.
void announce(const char *channel, const char *payload);

// A worker calls this function just before it commits a transaction. The server puts notifications into the
// queue during the commit, and the commit fails if the queue is full. So after a failed commit of a
// transaction with notifications, announce() drops all notifications for a minute.
void announce_committing();

// Call this function in _PG_init. announce() calls `count` for each notification that it drops. `count`
// returns the number of drops since the server's start, and announce() logs this number. If `count` returns
// 0, announce() logs nothing.
void announce_count_dropped_by(uint64_t (*count)());

// Writes a time in the form that notifications and the log use: ISO 8601 in UTC. `text` must have room for
// MAXDATELEN + 1 bytes.
void announce_timestamp(int64_t event_time, char *text);

} // namespace heartbeat
