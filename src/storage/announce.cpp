// Storage wing: NOTIFY heartbeat_anomaly, bounded for each batch so that a backlog cannot fill the
// notification queue.
#include "server.h"

#include "storage/announce.h"
#include "storage/arrays.h"

extern "C" {
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/json.h"
}

namespace heartbeat {

namespace {

constexpr char channel[] = "heartbeat_anomaly";
constexpr int announced_max = 100;

void announce(const Batch *batch, const BatchMessage &message) {
    int size;
    const char *customer_id = array_server_text(batch, message.customer_id, &size);
    char event_timestamp[MAXDATELEN + 1];
    announce_timestamp(message.event_time, event_timestamp);
    StringInfoData payload;
    initStringInfo(&payload);
    appendStringInfoString(&payload, "{\"customer_id\":");
    escape_json(&payload, pnstrdup(customer_id, size));
    appendStringInfo(&payload, ",\"heart_rate\":%s,\"anomaly_type\":\"%s\",\"event_timestamp\":\"%s\"}",
                     float8out_internal(message.heart_rate), classify_name(message.heart_rate_class),
                     event_timestamp);
    Async_Notify(channel, payload.data);
}

} // namespace

void announce_timestamp(int64_t event_time, char *text) {
    const int utc = 0;
    JsonEncodeDateTime(text, TimestampTzGetDatum(to_timestamptz(event_time)), TIMESTAMPTZOID, &utc);
}

void announce_anomalies(const Batch *batch, const bool *stored) {
    int announced = 0, omitted = 0;
    for (size_t i = 0; i < batch->anomalies.size(); i++) {
        if (!stored[i])
            continue;
        if (announced == announced_max) {
            omitted++;
            continue;
        }
        announce(batch, batch->messages[batch->anomalies[i]]);
        announced++;
    }
    if (omitted > 0)
        Async_Notify(channel, psprintf("{\"omitted\":%d}", omitted));
}

} // namespace heartbeat
