// Asks the leader of several partitions for offsets with rd_kafka_offsets_for_times(), which obeys its
// timeout in every version of librdkafka. This file does not use rd_kafka_query_watermark_offsets(). That
// function asks for one partition after the other, and ignores its timeout in librdkafka before 2.12. It also
// returns a guess if a broker gives an end offset below the first offset.
#include "kafka/leader_offsets.h"

#include "decode/utf8_text.h"
#include "kafka/failure.h"
#include "kafka/partition_list.h"

#include <algorithm>
#include <chrono>

namespace heartbeat {

namespace {

constexpr int leader_timeout_ms = 8000; // KafkaClient::fetch_delay is added for each request

using Clock = std::chrono::steady_clock;

void refuse(RangeAnswer *answer, rd_kafka_resp_err_t error) {
    answer->known = false;
    bool answered = error > RD_KAFKA_RESP_ERR_NO_ERROR; // negative codes are librdkafka's own errors
    utf8_print(answer->reason.text, sizeof(answer->reason.text), "%s: %s",
               answered ? "answers with an error" : "does not answer", rd_kafka_err2str(error));
}

// Asks for one offset of each partition, and adds the offset to the partition's answer. Does not ask about a
// partition whose answer already has an error.
void ask(SharedClient &client, int64_t time, int timeout_ms, RangesAnswer *answer,
         void (*put)(RangeAnswer *, int64_t)) {
    std::vector<RangeAnswer *> known;
    for (RangeAnswer &range : answer->ranges)
        if (range.known)
            known.push_back(&range);
    if (known.empty())
        return;
    ListPointer list = partition_list_make(
        client, known.size(), [&](size_t i) { return known[i]->range.partition; },
        [=](size_t) { return time; });
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(client.handle(), list.get(), timeout_ms);
    for (size_t i = 0; i < known.size(); i++) {
        rd_kafka_resp_err_t own = error == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[i].err : error;
        bool is_about_topic =
            failure_is_unknown_topic(own) || own == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        answer->answered = answer->answered || own == RD_KAFKA_RESP_ERR_NO_ERROR || is_about_topic;
        if (own == RD_KAFKA_RESP_ERR_NO_ERROR)
            put(known[i], list->elems[i].offset);
        else
            refuse(known[i], own);
    }
}

void put_low(RangeAnswer *answer, int64_t offset) {
    answer->range.low = offset;
}

void put_high(RangeAnswer *answer, int64_t offset) {
    answer->range.high = offset;
    if (answer->kind == RangeKind::end)
        answer->range.low = 0;
    // if the partition has no message at or after the time, `low` and `high` are the end offset
    if (answer->kind == RangeKind::time)
        answer->range.high = answer->range.low = answer->range.low < 0 ? offset : answer->range.low;
    const PartitionRange &range = answer->range;
    answer->known = range.low >= 0 && range.low <= range.high && range.high <= offset_max;
    answer->wrong = !answer->known;
    if (answer->wrong)
        utf8_print(answer->reason.text, sizeof(answer->reason.text),
                   "the broker reports the impossible offsets %lld to %lld",
                   static_cast<long long>(range.low), static_cast<long long>(range.high));
}

} // namespace

RangesAnswer leader_offsets_ask(SharedClient &client, const std::vector<int32_t> &partitions, RangeKind kind,
                                int64_t time) {
    RangesAnswer answer;
    for (int32_t partition : partitions)
        answer.ranges.push_back({kind, true, false, false, {partition, -1, -1}, {}});
    auto began_at = Clock::now();
    auto delay_ms = static_cast<int>(client.client->fetch_delay.count());
    int timeout_ms = leader_timeout_ms + range_requests(kind) * delay_ms;
    if (kind != RangeKind::end)
        ask(client, kind == RangeKind::time ? time : RD_KAFKA_OFFSET_BEGINNING, timeout_ms, &answer, put_low);
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_at).count();
    int left_ms = std::max(timeout_ms - static_cast<int>(took), 1);
    ask(client, RD_KAFKA_OFFSET_END, left_ms, &answer, put_high);
    answer.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_at);
    return answer;
}

} // namespace heartbeat
