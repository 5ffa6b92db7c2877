// Sends notifications with NOTIFY, and limits their number. Announces at most 100 anomalies of each batch, so
// that a backlog cannot fill the notification queue. While the queue is more than a quarter full, this file
// sends no notification.
#include "server/server.h"

#include "server/arrays.h"
#include "server/clock.h"
#include "store/announce.h"

extern "C" {
#include "access/xact.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
}

namespace heartbeat {

namespace {

constexpr char channel_of_anomalies[] = "heartbeat_anomaly";
constexpr int announced_max = 100;
constexpr size_t payload_max = 7900; // bytes; the server refuses a payload of 8000 bytes or more
// announce() sends a notification only while less than this fraction of the notification queue is in use. The
// limit is low, because other sessions can fill the queue before the commit.
constexpr double usage_max = 0.25;
constexpr TimestampTz suspended_for = 60 * USECS_PER_SEC;

// These flags describe the current top transaction. `asked` means that the transaction has called
// queue_has_room(), and `has_room` keeps the result of this call. Before `suspended_until`, queue_has_room()
// returns false. After this time, queue_has_room() calls pg_notification_queue_usage(), which also removes
// the notifications that all listeners have read.
bool asked = false, has_room = false, announced = false, committing = false;
MonotonicTime suspended_until = 0;
uint64_t (*count_dropped)() = nullptr;

void transaction_ended(XactEvent event, void * /*argument*/) {
    if (event != XACT_EVENT_ABORT && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE)
        return;
    if (event == XACT_EVENT_ABORT && committing)
        suspended_until = monotonic_now() + suspended_for;
    asked = announced = committing = false;
}

bool queue_has_room() {
    static bool registered = false;
    if (!registered)
        RegisterXactCallback(transaction_ended, nullptr);
    registered = true;
    if (!asked)
        has_room = monotonic_now() >= suspended_until &&
                   DatumGetFloat8(DirectFunctionCall1(pg_notification_queue_usage, 0)) < usage_max;
    asked = true;
    return has_room;
}

void drop() {
    uint64_t dropped = count_dropped == nullptr ? 0 : count_dropped();
    if (dropped == 0)
        return;
    ereport(
        LOG,
        (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
         errmsg("heartbeat: notifications were dropped (%llu since the server's start): the server's "
                "notification queue is more than a quarter full",
                static_cast<unsigned long long>(dropped)),
         errhint("pg_notification_queue_usage() shows how full the queue is. A session that listens and "
                 "stays in a transaction prevents the server from emptying the queue: end that transaction."),
         errhidecontext(true), errhidestmt(true)));
}

void announce_one(const Batch *batch, const BatchReading &reading) {
    int size;
    const char *customer_id = array_server_text(batch, reading.customer_id, &size);
    char event_timestamp[MAXDATELEN + 1];
    announce_timestamp(reading.event_time, event_timestamp);
    StringInfoData payload;
    initStringInfo(&payload);
    appendStringInfoString(&payload, "{\"customer_id\":");
    escape_json(&payload, pnstrdup(customer_id, size));
    appendStringInfo(&payload, ",\"heart_rate\":%s,\"anomaly_type\":\"%s\",\"event_timestamp\":\"%s\"}",
                     float8out_internal(reading.heart_rate), heart_rate_class_name(reading.heart_rate_class),
                     event_timestamp);
    announce(channel_of_anomalies, payload.data);
}

} // namespace

void announce_timestamp(int64_t event_time, char *text) {
    const int utc = 0;
    JsonEncodeDateTime(text, TimestampTzGetDatum(to_timestamptz(event_time)), TIMESTAMPTZOID, &utc);
}

void announce(const char *channel, const char *payload) {
    if (strlen(payload) > payload_max || !queue_has_room()) {
        drop();
        return;
    }
    Async_Notify(channel, payload);
    announced = true;
}

void announce_count_dropped_by(uint64_t (*count)()) {
    count_dropped = count;
}

void announce_committing() {
    committing = announced;
}

void announce_anomalies(const Batch *batch, const bool *stored) {
    int done = 0, omitted = 0;
    for (size_t i = 0; i < batch->anomalies.size(); i++) {
        if (!stored[i])
            continue;
        if (done == announced_max) {
            omitted++;
            continue;
        }
        announce_one(batch, batch->readings[batch->anomalies[i]]);
        done++;
    }
    if (omitted > 0)
        announce(channel_of_anomalies, psprintf("{\"omitted\":%d}", omitted));
}

} // namespace heartbeat
