// Tells librdkafka which partitions to read. The calls of librdkafka that change an assignment have no
// timeout, so each call runs on a separate thread. The threads make their calls one after the other, in the
// order in which the consumer has started them.
#include "kafka/consumer_assign.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/examination.h"
#include "kafka/failure.h"
#include "kafka/partition_list.h"
#include "kafka/question.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace heartbeat {

constexpr std::chrono::seconds assign_takes{10};

namespace {

// Runs the call on a thread. Usually librdkafka's main thread answers the call at once. The answer takes
// longer if the main thread is busy, for example with the command that fetches a Kerberos ticket.
template <typename Call>
QuestionPointer<CallAnswer> call_in_turn(const Consumer &consumer, ListPointer list, Call call) {
    uint64_t turn = consumer.shared->turns_given + 1;
    auto question =
        question_ask<CallAnswer>(consumer.shared, consumer.wake,
                                 [list = std::shared_ptr<rd_kafka_topic_partition_list_t>(std::move(list)),
                                  call, turn](SharedClient &client) {
                                     CallAnswer answer;
                                     client.wait_for_turn(turn);
                                     rd_kafka_resp_err_t error = call(&client, list.get());
                                     client.end_turn();
                                     if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
                                         failure_describe(&answer.error, "cannot assign partitions", error);
                                     return answer;
                                 });
    consumer.shared->turns_given = turn;
    return question;
}

template <typename Call> void assign_on_thread(Consumer *consumer, ListPointer list, Call call) {
    consumer->assigning_since = std::chrono::steady_clock::now();
    consumer->assigning = call_in_turn(*consumer, std::move(list), call);
}

// Makes a list of the partitions. Each element has the offset at which the client begins to read the
// partition. Also prepares the examinations of the partitions. May throw std::bad_alloc.
ListPointer list_to_read(Consumer *consumer, const PartitionPosition *positions, size_t count) {
    std::vector<int64_t> starts;
    std::vector<Examination> examinations(count);
    starts.reserve(count);
    for (size_t i = 0; i < count; i++)
        starts.push_back(examination_begin(consumer, positions[i], &examinations[i]));
    consumer->examinations.insert(consumer->examinations.end(), examinations.begin(), examinations.end());
    return partition_list_make(
        *consumer->shared, count, [=](size_t i) { return positions[i].partition; },
        [&](size_t i) { return starts[i]; });
}

ListPointer list_of(const SharedClient &client, const std::vector<int32_t> &partitions) {
    return partition_list_make(
        client, partitions.size(), [&](size_t i) { return partitions[i]; },
        [](size_t) { return RD_KAFKA_OFFSET_INVALID; });
}

bool refuse_assignment(Error *error) {
    utf8_copy(error->text, sizeof(error->text), "out of memory while assigning partitions");
    return false;
}

} // namespace

bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Error *error) noexcept {
    consumer->finish_ahead();
    try {
        consumer->positions.assign(positions, positions + count);
        consumer->stored = consumer->positions;
        consumer->examinations.clear();
        consumer->heard = consumer->lost_brokers = consumer->impossible_end = consumer->assign_again = false;
        consumer->trouble[0] = '\0';
        consumer->troubles.clear();
        consumer->losses.clear(); // the examinations of the new assignment find the losses again
        consumer->losses_reported = false;
        consumer->taken_from.clear();
        consumer->reassigning = true;
        // A paused partition stays paused in librdkafka even after a new assignment, so end the pauses here.
        // librdkafka can then fetch messages of the old assignment, but the new assignment below makes
        // librdkafka drop these messages.
        if (!consumer->paused.empty())
            call_in_turn(*consumer, list_of(*consumer->shared, consumer->paused),
                         [](SharedClient *client, rd_kafka_topic_partition_list_t *list) {
                             return rd_kafka_resume_partitions(client->handle(), list);
                         });
        consumer->paused.clear();
        consumer->set_beginning(count > 0);
        if (consumer->shared->client->watch.leave(&consumer->inbox))
            consumer->shared->client->ring(); // ring() makes another consumer ask the leaders
        assign_on_thread(consumer, list_to_read(consumer, positions, count),
                         [](SharedClient *client, rd_kafka_topic_partition_list_t *list) {
                             rd_kafka_resp_err_t code = client->clear();
                             return code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : client->add(list);
                         });
    } catch (...) {
        return refuse_assignment(error);
    }
    return true;
}

bool consumer_join(Consumer *consumer, const PartitionPosition *positions, size_t count,
                   Error *error) noexcept {
    consumer->finish_ahead();
    try {
        // add the positions before librdkafka begins to read the new partitions: consumer_fill() drops
        // messages of partitions without a position
        consumer->positions.reserve(consumer->positions.size() + count);
        consumer->stored.reserve(consumer->stored.size() + count);
        ListPointer list = list_to_read(consumer, positions, count);
        consumer->positions.insert(consumer->positions.end(), positions, positions + count);
        consumer->stored.insert(consumer->stored.end(), positions, positions + count);
        consumer->set_beginning(true);
        assign_on_thread(
            consumer, std::move(list),
            [](SharedClient *client, rd_kafka_topic_partition_list_t *list) { return client->add(list); });
    } catch (...) {
        return refuse_assignment(error);
    }
    return true;
}

bool consumer_leave(Consumer *consumer, int32_t partition, Error *error) noexcept {
    consumer->finish_ahead();
    auto is_it = [=](const PartitionPosition &position) { return position.partition == partition; };
    auto found = std::find_if(consumer->positions.begin(), consumer->positions.end(), is_it);
    if (found != consumer->positions.end()) {
        consumer->examinations.erase(consumer->examinations.begin() + (found - consumer->positions.begin()));
        consumer->positions.erase(found);
    }
    consumer->stored.erase(std::remove_if(consumer->stored.begin(), consumer->stored.end(), is_it),
                           consumer->stored.end());
    try {
        assign_on_thread(consumer, list_of(*consumer->shared, {partition}),
                         [](SharedClient *client, rd_kafka_topic_partition_list_t *list) {
                             return client->remove(list->elems[0].partition);
                         });
    } catch (...) {
        return refuse_assignment(error);
    }
    return true;
}

void consumer_pause(Consumer *consumer, const int32_t *partitions, size_t count) noexcept {
    consumer->finish_ahead();
    try {
        size_t before = consumer->paused.size();
        consumer->paused.insert(consumer->paused.end(), partitions, partitions + count);
        std::vector<int32_t> added(consumer->paused.begin() + static_cast<long>(before),
                                   consumer->paused.end());
        call_in_turn(*consumer, list_of(*consumer->shared, added),
                     [](SharedClient *client, rd_kafka_topic_partition_list_t *list) {
                         return rd_kafka_pause_partitions(client->handle(), list);
                     });
    } catch (...) {
        // If no memory is left or no thread can be started, librdkafka does not pause the partitions, and
        // continues to fetch their messages. This does no harm, because consumer_fill() drops each message at
        // or after PartitionPosition::end.
    }
}

AssignState consumer_assign_state(Consumer *consumer, Error *error) noexcept {
    consumer->finish_ahead();
    if (consumer->assigning == nullptr)
        return AssignState::taken;
    if (!consumer->assigning->done.load())
        return AssignState::under_way;
    *error = consumer->assigning->answer.error;
    bool failed = consumer->assigning->out_of_memory || error->text[0] != '\0';
    consumer->assigning = nullptr;
    consumer->reassigning = false;
    return failed ? AssignState::failed : AssignState::taken;
}

bool consumer_is_assigning(Consumer *consumer) noexcept {
    return consumer->assigning != nullptr;
}

bool consumer_assign_hangs(const Consumer *consumer) noexcept {
    return consumer->assigning != nullptr &&
           std::chrono::steady_clock::now() > consumer->assigning_since + assign_takes;
}

} // namespace heartbeat
