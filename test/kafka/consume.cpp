// Test code: kafka-consume writes all messages of a topic to standard output, byte for byte. The command
// shows the real contents of Kafka, independently of the extension.
//
// The command reads each partition from its first offset to the end that the partition had when the command
// started. The command fails if an offset is missing. With the option --compacted, each offset except the
// last can be missing. For each message the command writes the offset (int64), and then the message as a
// record in the format of kafka-produce (produce.cpp). All numbers are in little-endian order.
#include "client.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

struct Options {
    std::string brokers;
    std::string topic;
    int timeout = 60;
    bool compacted = false;
};

struct Range {
    int64_t next;
    int64_t end;
};

void require(rd_kafka_resp_err_t error) {
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        throw std::runtime_error(rd_kafka_err2str(error));
}

void write_bytes(const void *bytes, size_t size) {
    if (fwrite(bytes, 1, size, stdout) != size)
        throw std::runtime_error("cannot write");
}

void write_record(const rd_kafka_message_t &message) {
    const int64_t timestamp = rd_kafka_message_timestamp(&message, nullptr);
    const int32_t key_length = message.key == nullptr ? -1 : static_cast<int32_t>(message.key_len);
    const int32_t value_length = message.payload == nullptr ? -1 : static_cast<int32_t>(message.len);
    write_bytes(&message.offset, 8);
    write_bytes(&message.partition, 4);
    write_bytes(&timestamp, 8);
    write_bytes(&key_length, 4);
    write_bytes(&value_length, 4);
    write_bytes(message.key, message.key_len);
    write_bytes(message.payload, message.len);
}

std::vector<Range> find_ranges(rd_kafka_t *client, const Options &options, const Deadline &deadline) {
    const struct rd_kafka_metadata *metadata = nullptr;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, options.topic.c_str(), nullptr);
    require(rd_kafka_metadata(client, 0, topic, &metadata, deadline.left_ms()));
    std::vector<Range> ranges(static_cast<size_t>(metadata->topics[0].partition_cnt));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    for (size_t partition = 0; partition < ranges.size(); partition++)
        require(rd_kafka_query_watermark_offsets(client, options.topic.c_str(),
                                                 static_cast<int32_t>(partition), &ranges[partition].next,
                                                 &ranges[partition].end, deadline.left_ms()));
    return ranges;
}

void assign(rd_kafka_t *client, const std::string &topic, const std::vector<Range> &ranges) {
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)> list(
        rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())),
        rd_kafka_topic_partition_list_destroy);
    for (size_t partition = 0; partition < ranges.size(); partition++)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<int32_t>(partition))
            ->offset = ranges[partition].next;
    rd_kafka_poll_set_consumer(client);
    require(rd_kafka_assign(client, list.get()));
}

// Writes the message. Returns 1 if the message is the last message of its partition, and 0 otherwise.
size_t take(const rd_kafka_message_t &message, std::vector<Range> &ranges, bool compacted) {
    require(message.err);
    Range &range = ranges[static_cast<size_t>(message.partition)];
    if (message.offset >= range.end)
        return 0; // the message was published after the start of this command
    if (message.offset != range.next && !compacted)
        throw std::runtime_error("partition " + std::to_string(message.partition) + " holds no offset " +
                                 std::to_string(range.next));
    write_record(message);
    range.next = message.offset + 1;
    return range.next == range.end ? 1 : 0;
}

void run(const Options &options) {
    const Deadline deadline(options.timeout);
    std::vector<std::string> properties = client_properties(options.brokers);
    properties.insert(properties.end(),
                      {"group.id=kafka-consume", "enable.auto.commit=false", "auto.offset.reset=error",
                       "fetch.wait.max.ms=10", "queued.max.messages.kbytes=65536"});
    const Handle consumer = client_open(RD_KAFKA_CONSUMER, properties);
    std::vector<Range> ranges = find_ranges(consumer.get(), options, deadline);
    size_t unread = 0;
    for (const Range &range : ranges)
        unread += range.next < range.end ? 1 : 0;
    assign(consumer.get(), options.topic, ranges);
    while (unread > 0) {
        std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
            rd_kafka_consumer_poll(consumer.get(), deadline.left_ms()), rd_kafka_message_destroy);
        if (message == nullptr)
            throw std::runtime_error("the topic was not read to its end in time");
        unread -= take(*message, ranges, options.compacted);
    }
    require(rd_kafka_assign(consumer.get(), nullptr));
    if (fflush(stdout) != 0)
        throw std::runtime_error("cannot write");
}

int run_command_line(int argc, char **argv) {
    Options options;
    CLI::App app{"Writes the records of a Kafka topic to standard output"};
    app.add_option("-b,--brokers", options.brokers, "host:port of the broker")->required();
    app.add_option("-t,--topic", options.topic, "the topic")->required();
    app.add_option("--timeout", options.timeout, "seconds that reading may take")->capture_default_str();
    app.add_flag("--compacted", options.compacted, "offsets may be missing, except the last");
    CLI11_PARSE(app, argc, argv);
    run(options);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    return client_main("kafka-consume", run_command_line, argc, argv);
}
