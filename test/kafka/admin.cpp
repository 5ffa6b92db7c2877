// Test code: kafka-admin changes and queries topics on a broker. A command needs only milliseconds, because
// it does not start Java. Each command returns when the broker shows the effect of the command, or fails at
// the deadline of the command.
#include "client.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <thread>

namespace {

struct Options {
    std::string brokers;
    std::string topic;
    int partitions = 1;
    int partition = 0;
    int64_t offset = 0;
    int timeout = 60;
    int replication = 1;
    std::vector<std::string> replicas; // the replicas of each partition: "1,2"
    std::vector<std::string> config;
};

Handle open(const Options &options) {
    return client_open(RD_KAFKA_PRODUCER, client_properties(options.brokers));
}

void require(rd_kafka_resp_err_t error, const char *text = nullptr) {
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        throw std::runtime_error(text != nullptr ? text : rd_kafka_err2str(error));
}

// Returns the number of partitions of the topic that have a leader, and 0 if the topic does not exist.
int count_led_partitions(rd_kafka_t *client, const std::string &topic, const Deadline &deadline) {
    // Ask about all topics. If a client asks about one topic by name before the topic exists, the client
    // keeps the error, and reports this error even after the topic exists.
    const struct rd_kafka_metadata *metadata = nullptr;
    if (rd_kafka_metadata(client, 1, nullptr, &metadata, std::min(1000, deadline.left_ms() + 1)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    int led = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (topic != metadata->topics[i].topic)
            continue;
        for (int p = 0; p < metadata->topics[i].partition_cnt; p++)
            led += metadata->topics[i].partitions[p].leader >= 0 ? 1 : 0;
    }
    rd_kafka_metadata_destroy(metadata);
    return led;
}

void wait_until(const Deadline &deadline, const std::string &what, const std::function<bool()> &is_so) {
    while (!is_so()) {
        if (deadline.is_over())
            throw std::runtime_error("timed out waiting until " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

// Sends one admin request, and waits for its result. The caller's function `read` checks the result.
void request(rd_kafka_t *client, const Deadline &deadline,
             const std::function<void(rd_kafka_AdminOptions_t *, rd_kafka_queue_t *)> &send,
             const std::function<void(rd_kafka_event_t *)> &read) {
    std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(rd_kafka_queue_new(client),
                                                                               rd_kafka_queue_destroy);
    std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> options(
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY), rd_kafka_AdminOptions_destroy);
    send(options.get(), queue.get());
    std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
        rd_kafka_queue_poll(queue.get(), deadline.left_ms()), rd_kafka_event_destroy);
    if (event == nullptr)
        throw std::runtime_error("timed out waiting for the broker's answer");
    require(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
    read(event.get());
}

void require_topics(const rd_kafka_topic_result_t **results, size_t count) {
    for (size_t i = 0; i < count; i++)
        require(rd_kafka_topic_result_error(results[i]), rd_kafka_topic_result_error_string(results[i]));
}

void ready(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    wait_until(deadline, options.brokers + " answers",
               [&] { return count_led_partitions(client.get(), "", deadline) == 0; });
    char *id = rd_kafka_clusterid(client.get(), deadline.left_ms());
    if (id == nullptr)
        throw std::runtime_error("the broker tells no cluster id");
    std::cout << id << '\n';
    rd_kafka_mem_free(client.get(), id);
}

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)>;

void assign_replicas(rd_kafka_NewTopic_t *topic, const std::vector<std::string> &replicas) {
    char error[512] = "";
    for (size_t partition = 0; partition < replicas.size(); partition++) {
        std::vector<int32_t> ids;
        for (const std::string &id : CLI::detail::split(replicas[partition], ','))
            ids.push_back(std::stoi(id));
        require(rd_kafka_NewTopic_set_replica_assignment(topic, static_cast<int32_t>(partition), ids.data(),
                                                         ids.size(), error, sizeof error),
                error);
    }
}

void create(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    char error[512] = "";
    const NewTopic topic(rd_kafka_NewTopic_new(options.topic.c_str(), options.partitions,
                                               options.replicas.empty() ? options.replication : -1, error,
                                               sizeof error),
                         rd_kafka_NewTopic_destroy);
    if (topic == nullptr)
        throw std::runtime_error(error);
    assign_replicas(topic.get(), options.replicas);
    for (const std::string &setting : options.config) {
        const size_t equals = std::min(setting.find('='), setting.size() - 1);
        require(rd_kafka_NewTopic_set_config(topic.get(), setting.substr(0, equals).c_str(),
                                             setting.substr(equals + 1).c_str()));
    }
    rd_kafka_NewTopic_t *topics[] = {topic.get()};
    request(
        client.get(), deadline,
        [&](auto *admin, auto *queue) { rd_kafka_CreateTopics(client.get(), topics, 1, admin, queue); },
        [](rd_kafka_event_t *event) {
            size_t count = 0;
            const auto *result = rd_kafka_event_CreateTopics_result(event);
            const auto **results = rd_kafka_CreateTopics_result_topics(result, &count);
            require_topics(results, count);
        });
    wait_until(deadline, "every partition has a leader", [&] {
        return count_led_partitions(client.get(), options.topic, deadline) == options.partitions;
    });
}

void grow(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    char error[512] = "";
    std::unique_ptr<rd_kafka_NewPartitions_t, decltype(&rd_kafka_NewPartitions_destroy)> growth(
        rd_kafka_NewPartitions_new(options.topic.c_str(), static_cast<size_t>(options.partitions), error,
                                   sizeof error),
        rd_kafka_NewPartitions_destroy);
    if (growth == nullptr)
        throw std::runtime_error(error);
    rd_kafka_NewPartitions_t *growths[] = {growth.get()};
    request(
        client.get(), deadline,
        [&](auto *admin, auto *queue) { rd_kafka_CreatePartitions(client.get(), growths, 1, admin, queue); },
        [](rd_kafka_event_t *event) {
            size_t count = 0;
            const auto *result = rd_kafka_event_CreatePartitions_result(event);
            const auto **results = rd_kafka_CreatePartitions_result_topics(result, &count);
            require_topics(results, count);
        });
    wait_until(deadline, "every partition has a leader", [&] {
        return count_led_partitions(client.get(), options.topic, deadline) == options.partitions;
    });
}

void drop(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(&rd_kafka_DeleteTopic_destroy)> topic(
        rd_kafka_DeleteTopic_new(options.topic.c_str()), rd_kafka_DeleteTopic_destroy);
    rd_kafka_DeleteTopic_t *topics[] = {topic.get()};
    request(
        client.get(), deadline,
        [&](auto *admin, auto *queue) { rd_kafka_DeleteTopics(client.get(), topics, 1, admin, queue); },
        [](rd_kafka_event_t *event) {
            size_t count = 0;
            const auto *result = rd_kafka_event_DeleteTopics_result(event);
            const auto **results = rd_kafka_DeleteTopics_result_topics(result, &count);
            require_topics(results, count);
        });
    wait_until(deadline, "the topic is gone",
               [&] { return count_led_partitions(client.get(), options.topic, deadline) == 0; });
}

// Removes the messages before an offset, as Kafka's retention does.
void truncate(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)> before(
        rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
    rd_kafka_topic_partition_list_add(before.get(), options.topic.c_str(), options.partition)->offset =
        options.offset;
    std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(&rd_kafka_DeleteRecords_destroy)> deletion(
        rd_kafka_DeleteRecords_new(before.get()), rd_kafka_DeleteRecords_destroy);
    rd_kafka_DeleteRecords_t *deletions[] = {deletion.get()};
    request(
        client.get(), deadline,
        [&](auto *admin, auto *queue) { rd_kafka_DeleteRecords(client.get(), deletions, 1, admin, queue); },
        [](rd_kafka_event_t *event) {
            const auto *result = rd_kafka_event_DeleteRecords_result(event);
            const auto *offsets = rd_kafka_DeleteRecords_result_offsets(result);
            for (int i = 0; i < offsets->cnt; i++)
                require(offsets->elems[i].err);
        });
}

// Returns an offset of each partition: the first offset or the end offset, as `which` says. In librdkafka
// before 2.3, rd_kafka_query_watermark_offsets() ignores its timeout if a leader cannot be reached. So the
// function does not call rd_kafka_query_watermark_offsets().
std::vector<int64_t> ask_offsets(rd_kafka_t *client, const Options &options, int partitions, int64_t which,
                                 const Deadline &deadline) {
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)> list(
        rd_kafka_topic_partition_list_new(partitions), rd_kafka_topic_partition_list_destroy);
    for (int partition = 0; partition < partitions; partition++)
        rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), partition)->offset = which;
    // Right after a broker has become the leader of a partition, the broker can answer that it is not the
    // leader. If no leader returns an offset, the whole call fails with the error of one of the leaders.
    const auto leader_is_new = [](rd_kafka_resp_err_t error) {
        return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
               error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    };
    wait_until(deadline, "each leader knows that it leads", [&] {
        for (int i = 0; i < list->cnt; i++)
            list->elems[i].offset = which;
        const rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(client, list.get(), deadline.left_ms());
        if (leader_is_new(error))
            return false;
        require(error);
        return std::none_of(list->elems, list->elems + list->cnt,
                            [&](const auto &partition) { return leader_is_new(partition.err); });
    });
    std::vector<int64_t> found;
    for (int i = 0; i < list->cnt; i++) {
        require(list->elems[i].err);
        found.push_back(list->elems[i].offset);
    }
    return found;
}

// Prints a line for each partition: partition, first offset, end offset.
void offsets(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    int partitions = 0;
    wait_until(deadline, "the topic has partitions", [&] {
        return (partitions = count_led_partitions(client.get(), options.topic, deadline)) > 0;
    });
    const std::vector<int64_t> first =
        ask_offsets(client.get(), options, partitions, RD_KAFKA_OFFSET_BEGINNING, deadline);
    const std::vector<int64_t> next =
        ask_offsets(client.get(), options, partitions, RD_KAFKA_OFFSET_END, deadline);
    for (size_t partition = 0; partition < first.size(); partition++)
        std::cout << partition << ' ' << first[partition] << ' ' << next[partition] << '\n';
}

int run_command_line(int argc, char **argv) {
    Options options;
    CLI::App app{"Queries and changes a Kafka broker"};
    app.add_option("-b,--brokers", options.brokers, "host:port of the broker")->required();
    app.add_option("--timeout", options.timeout, "seconds to wait for the broker")->capture_default_str();
    app.require_subcommand(1);
    const auto command = [&](const char *name, const char *text, void (*run)(const Options &)) {
        CLI::App *added = app.add_subcommand(name, text);
        added->callback([&options, run] { run(options); });
        return added;
    };
    const auto topic_command = [&](const char *name, const char *text, void (*run)(const Options &)) {
        CLI::App *added = command(name, text, run);
        added->add_option("topic", options.topic)->required();
        return added;
    };
    command("ready", "waits until the broker answers, and prints its cluster id", ready);
    CLI::App *created = topic_command("create", "creates a topic", create);
    created->add_option("partitions", options.partitions)->capture_default_str();
    created->add_option("--replication", options.replication, "of each partition")->capture_default_str();
    created->add_option("--replicas", options.replicas,
                        "the brokers of a partition, 1,2; once for each partition, from 0");
    created->add_option("-c,--config", options.config, "a topic setting, key=value");
    topic_command("grow", "gives a topic more partitions", grow)
        ->add_option("partitions", options.partitions)
        ->required();
    topic_command("delete", "deletes a topic", drop);
    topic_command("offsets", "prints partition, first offset, next offset", offsets);
    CLI::App *truncated = topic_command("truncate", "removes the messages before an offset", truncate);
    truncated->add_option("partition", options.partition)->required();
    truncated->add_option("offset", options.offset)->required();
    CLI11_PARSE(app, argc, argv);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    return client_main("kafka-admin", run_command_line, argc, argv);
}
