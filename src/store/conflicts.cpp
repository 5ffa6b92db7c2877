// Decides which repetitions in a batch are conflicts: see conflicts_settle() in conflicts.h. Also describes
// the conflicts of a message as text and as JSON.
#include "server/server.h"

#include "server/arrays.h"
#include "store/announce.h"
#include "store/conflicts.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/json.h"
}

#include <cmath>

namespace heartbeat {

namespace {

template <typename Take> void for_each(const Batch *batch, const BatchMessage &message, Take take) {
    for (uint32_t i = 0; i < message.readings; i++) {
        const BatchReading &reading = batch->readings[message.first_reading + i];
        if (reading.conflict)
            take(reading);
    }
}

void append_text(StringInfo json, const char *name, const Batch *batch, BatchBytes piece) {
    int size;
    const char *text = array_server_text(batch, piece, &size);
    appendStringInfo(json, "\"%s\":", name);
    escape_json(json, pnstrdup(text, size));
}

// JSON has no number for NaN and Infinity. A person can have stored such a heart rate in heartbeat_anomalies.
// The function writes these values as strings, as to_jsonb() does.
void append_rate(StringInfo json, const char *name, double heart_rate) {
    const char *quote = std::isfinite(heart_rate) ? "" : "\"";
    appendStringInfo(json, "\"%s\":%s%s%s", name, quote, float8out_internal(heart_rate), quote);
}

} // namespace

void conflicts_settle(Batch *batch, bool comparable) {
    for (uint32_t index : batch->repetitions) {
        BatchReading &reading = batch->readings[index];
        const BatchReading &first = batch->readings[reading.first];
        bool is_stored = !first.duplicate && !first.conflict;
        reading.other_device = first.other_device;
        reading.stored_heart_rate = is_stored ? first.heart_rate : first.stored_heart_rate;
        reading.conflict =
            comparable && (reading.other_device || reading.heart_rate != reading.stored_heart_rate);
        reading.duplicate = !reading.conflict;
    }
}

bool conflicts_lost_first(const Batch *batch) {
    return std::any_of(batch->repetitions.begin(), batch->repetitions.end(), [=](uint32_t index) {
        const BatchReading &reading = batch->readings[index], &first = batch->readings[reading.first];
        return batch->message_of(first).is_dead_letter() && !batch->message_of(reading).is_dead_letter();
    });
}

int64_t conflicts_of(const Batch *batch, const BatchMessage &message) {
    int64_t count = 0;
    if (!message.is_dead_letter() && !message.left_out)
        for_each(batch, message, [&](const BatchReading & /*reading*/) { count++; });
    return count;
}

const char *conflicts_text(const Batch *batch, const BatchMessage &message) {
    bool other_device = false;
    for_each(batch, message, [&](const BatchReading &reading) { other_device |= reading.other_device; });
    int64_t count = conflicts_of(batch, message);
    if (other_device)
        return psprintf(
            "%lld of %u readings %s not stored: the key of their week does not have the device, and a "
            "reading of another device has the same customer and time; call heartbeat_upgrade_keys(), "
            "then heartbeat_retry_dead_letters('CONFLICT')",
            static_cast<long long>(count), message.readings, count == 1 ? "is" : "are");
    return psprintf(
        "%lld of %u readings %s not stored: another heart rate of the same customer, time and device "
        "is stored",
        static_cast<long long>(count), message.readings, count == 1 ? "is" : "are");
}

const char *conflicts_json(const Batch *batch, const BatchMessage &message) {
    StringInfoData json;
    initStringInfo(&json);
    for_each(batch, message, [&](const BatchReading &reading) {
        char event_timestamp[MAXDATELEN + 1];
        announce_timestamp(reading.event_time, event_timestamp);
        appendStringInfoString(&json, json.len == 0 ? "[{" : ",{");
        append_text(&json, "customer_id", batch, reading.customer_id);
        appendStringInfoChar(&json, ',');
        append_text(&json, "device_id", batch, reading.device_id);
        appendStringInfo(&json, ",\"event_timestamp\":\"%s\",", event_timestamp);
        append_rate(&json, "heart_rate", reading.heart_rate);
        appendStringInfoChar(&json, ',');
        append_rate(&json, "stored_heart_rate", reading.stored_heart_rate);
        appendStringInfoChar(&json, '}');
    });
    appendStringInfoString(&json, json.len == 0 ? "[]" : "]");
    return json.data;
}

} // namespace heartbeat
