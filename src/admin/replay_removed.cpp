// Refuses a replay if Kafka has removed messages of the time span. The replay then stores nothing, not even
// the messages that Kafka still holds. replay_plan.cpp calls this file.
#include "server/server.h"

#include "admin/replay_read.h"
#include "admin/replay_removed.h"
#include "server/text.h"

extern "C" {
#include "lib/stringinfo.h"
}

namespace heartbeat {

namespace {

constexpr size_t partitions_told_max = 16;

void append_held(StringInfo text, const PartitionRange &range, int64_t first_kafka_time) {
    auto low = static_cast<long long>(range.low), high = static_cast<long long>(range.high);
    appendStringInfo(text, "%sPartition %d ", text->len == 0 ? "" : " ", range.partition);
    if (low == high)
        appendStringInfo(text, "holds nothing before offset %lld.", high);
    else if (first_kafka_time < 0)
        appendStringInfo(text, "begins at offset %lld.", low);
    else
        appendStringInfo(text, "begins at offset %lld, with the Kafka timestamp %s.", low,
                         timestamptz_to_str(to_timestamptz(first_kafka_time * 1000)));
}

} // namespace

void replay_removed_refuse(const Source &source, Consumer *consumer, const ReplayPartition *partitions,
                           size_t count) {
    PartitionRange told[partitions_told_max], holding[partitions_told_max];
    int64_t kafka_times[partitions_told_max] = {};
    size_t removed = 0, tell = 0, hold = 0;
    for (size_t i = 0; i < count; i++) {
        if (!partitions[i].removed || removed++ >= partitions_told_max)
            continue;
        told[tell++] = partitions[i].range;
        if (partitions[i].range.low < partitions[i].range.high)
            holding[hold++] = partitions[i].range;
    }
    if (removed == 0)
        return;
    if (hold > 0)
        replay_first_times(source, consumer, holding, hold, kafka_times);
    StringInfoData held;
    initStringInfo(&held);
    for (size_t i = 0, next = 0; i < tell; i++)
        append_held(&held, told[i], told[i].low < told[i].high ? kafka_times[next++] : -1);
    if (removed > tell)
        appendStringInfo(&held, " There are %zu more such partitions.", removed - tell);
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("Kafka no longer holds all messages of topic \"%s\" from this time span", source.topic),
             errdetail("%s", held.data),
             errhint("Give a later from_time, or replay, one by one, only the partitions that still hold all "
                     "messages of the time span.")));
}

} // namespace heartbeat
