// Test code: kafka-cluster prints the brokers of a cluster and the replicas of each partition. The commands
// `nodes` and `partitions` ask the brokers until a broker answers, or until the deadline of the command. The
// command `watch` has no deadline: it asks again and again until its input ends.
#include "client.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace {

struct Options {
    std::string brokers;
    std::string topic;
    int timeout = 60;
};

constexpr int request_ms = 500; // if a broker does not answer in this time, the command asks another broker
constexpr int watch_ms = 50;

struct MetadataDestroyer {
    void operator()(const struct rd_kafka_metadata *metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const struct rd_kafka_metadata, MetadataDestroyer>;

Handle open(const Options &options) {
    std::vector<std::string> properties = client_properties(options.brokers);
    properties.insert(properties.end(),
                      {"socket.timeout.ms=1000", "socket.connection.setup.timeout.ms=1000"});
    return client_open(RD_KAFKA_PRODUCER, properties);
}

// Returns the metadata of all topics, and null if no broker answers in time.
Metadata ask(rd_kafka_t *client, int timeout_ms) {
    const struct rd_kafka_metadata *metadata = nullptr;
    if (rd_kafka_metadata(client, 1, nullptr, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return nullptr;
    return Metadata(metadata);
}

Metadata ask_until_answered(const Options &options) {
    const Deadline deadline(options.timeout);
    const Handle client = open(options);
    while (!deadline.is_over())
        if (Metadata metadata = ask(client.get(), request_ms))
            return metadata;
    throw std::runtime_error("no broker answers");
}

// Prints a line for each broker that the cluster reports as alive: id, address.
void nodes(const Options &options) {
    const Metadata metadata = ask_until_answered(options);
    for (int i = 0; i < metadata->broker_cnt; i++)
        std::cout << metadata->brokers[i].id << ' ' << metadata->brokers[i].host << ':'
                  << metadata->brokers[i].port << '\n';
}

std::string join(const int32_t *ids, int count) {
    std::string joined;
    for (int i = 0; i < count; i++)
        joined += (i > 0 ? "," : "") + std::to_string(ids[i]);
    return joined.empty() ? "none" : joined;
}

// Prints a line for each partition of the topic or of all topics: topic, partition, leader (-1: none),
// replicas, replicas in sync.
void partitions(const Options &options) {
    const Metadata metadata = ask_until_answered(options);
    for (int t = 0; t < metadata->topic_cnt; t++) {
        const rd_kafka_metadata_topic &topic = metadata->topics[t];
        if (!options.topic.empty() && options.topic != topic.topic)
            continue;
        for (int p = 0; p < topic.partition_cnt; p++) {
            const rd_kafka_metadata_partition &partition = topic.partitions[p];
            std::cout << topic.topic << ' ' << partition.id << ' ' << partition.leader << ' '
                      << join(partition.replicas, partition.replica_cnt) << ' '
                      << join(partition.isrs, partition.isr_cnt) << '\n';
        }
    }
}

std::string leaders(const struct rd_kafka_metadata &metadata, const std::string &name) {
    for (int t = 0; t < metadata.topic_cnt; t++) {
        const rd_kafka_metadata_topic &topic = metadata.topics[t];
        if (name != topic.topic)
            continue;
        std::vector<int32_t> ids(static_cast<size_t>(topic.partition_cnt), -1);
        for (int p = 0; p < topic.partition_cnt; p++)
            ids.at(static_cast<size_t>(topic.partitions[p].id)) = topic.partitions[p].leader;
        return join(ids.data(), topic.partition_cnt);
    }
    return "none";
}

// Waits for the end of the input, at most until the timeout, and returns whether the input has ended.
bool is_input_over(int timeout_ms) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    return poll(&input, 1, timeout_ms) > 0;
}

// Prints a line each time a partition of the topic gets another leader. The line has the seconds since 1970
// and the leader of each partition.
void watch(const Options &options) {
    const Handle client = open(options);
    std::string last;
    while (!is_input_over(watch_ms)) {
        const Metadata metadata = ask(client.get(), request_ms);
        if (metadata == nullptr)
            continue;
        const std::string now = leaders(*metadata, options.topic);
        if (now == last)
            continue;
        const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
        printf("%.3f %s\n", static_cast<double>(ms) / 1000, now.c_str());
        if (fflush(stdout) != 0)
            throw std::runtime_error("cannot write");
        last = now;
    }
}

int run_command_line(int argc, char **argv) {
    Options options;
    CLI::App app{"Prints what a cluster's brokers report"};
    app.add_option("-b,--brokers", options.brokers, "host:port of brokers")->required();
    app.add_option("--timeout", options.timeout, "seconds to wait for a broker")->capture_default_str();
    app.require_subcommand(1);
    const auto command = [&](const char *name, const char *text, void (*run)(const Options &)) {
        CLI::App *added = app.add_subcommand(name, text);
        added->callback([&options, run] { run(options); });
        return added;
    };
    command("nodes", "prints id and address of each broker that is alive", nodes);
    command("partitions", "prints topic, partition, leader, replicas, in-sync replicas", partitions)
        ->add_option("topic", options.topic);
    command("watch", "prints the leaders of a topic each time they change, until the input ends", watch)
        ->add_option("topic", options.topic)
        ->required();
    CLI11_PARSE(app, argc, argv);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    return client_main("kafka-cluster", run_command_line, argc, argv);
}
