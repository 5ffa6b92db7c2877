// Test code: kafka-produce publishes the records of its standard input, byte for byte, to the partitions that
// the records name.
//
// A record begins with four numbers in little-endian order: the partition (int32), the timestamp in
// milliseconds (int64), the length of the key (int32) and the length of the value (int32). With partition -1
// the key decides the partition. Timestamp 0 stands for the present time, and length -1 stands for null. The
// key and the value come after these numbers. At the end of the input kafka-produce waits until Kafka has
// acknowledged every message. Then it prints a line for each partition: partition, number of messages, first
// offset, last offset. The file of --receipts has a line for each acknowledged message. The line has the
// number of the message in the input (from 0), partition, offset, and seconds since 1970.
#include "client.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>

namespace {

constexpr size_t head_size = 4 + 8 + 4 + 4;

struct Head {
    int32_t partition;
    int64_t timestamp;
    int32_t key_length;
    int32_t value_length;
};

struct Delivered {
    int64_t messages = 0;
    int64_t first = 0;
    int64_t last = 0;
};

struct HeadersDestroyer {
    void operator()(rd_kafka_headers_t *headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDestroyer>;

struct Report {
    std::map<int32_t, Delivered> partitions;
    std::ofstream receipts;
    std::string error;
};

// Returns the seconds since 1970, exact to the millisecond.
std::string now() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
    char text[32];
    snprintf(text, sizeof text, "%.3f", static_cast<double>(ms) / 1000);
    return text;
}

void report_delivery(rd_kafka_t *, const rd_kafka_message_t *message, void *opaque) {
    Report &report = *static_cast<Report *>(opaque);
    const std::unique_ptr<int64_t> number(static_cast<int64_t *>(message->_private));
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        report.error = rd_kafka_err2str(message->err);
        return;
    }
    Delivered &delivered = report.partitions[message->partition];
    delivered.first = delivered.messages == 0 ? message->offset : std::min(delivered.first, message->offset);
    delivered.last = std::max(delivered.last, message->offset);
    delivered.messages++;
    if (report.receipts.is_open())
        report.receipts << *number << ' ' << message->partition << ' ' << message->offset << ' ' << now()
                        << '\n';
}

// Returns false at the end of the input. A truncated record is an error.
bool read_head(Head &head) {
    char bytes[head_size];
    const size_t got = fread(bytes, 1, head_size, stdin);
    if (got == 0)
        return false;
    if (got != head_size)
        throw std::runtime_error("the input ends inside a record");
    memcpy(&head.partition, bytes, 4);
    memcpy(&head.timestamp, bytes + 4, 8);
    memcpy(&head.key_length, bytes + 12, 4);
    memcpy(&head.value_length, bytes + 16, 4);
    if (head.key_length < -1 || head.value_length < -1)
        throw std::runtime_error("the input is not a sequence of records");
    return true;
}

void read_bytes(std::string &bytes, int32_t length) {
    bytes.resize(static_cast<size_t>(std::max(length, 0)));
    if (fread(bytes.data(), 1, bytes.size(), stdin) != bytes.size())
        throw std::runtime_error("the input ends inside a record");
}

// Each header is "name=value". Returns null if `texts` is empty.
Headers make_headers(const std::vector<std::string> &texts) {
    Headers headers(texts.empty() ? nullptr : rd_kafka_headers_new(texts.size()));
    for (const std::string &text : texts) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos)
            throw std::runtime_error("header " + text + ": not name=value");
        const rd_kafka_resp_err_t error =
            rd_kafka_header_add(headers.get(), text.c_str(), static_cast<ssize_t>(equals),
                                text.c_str() + equals + 1, static_cast<ssize_t>(text.size() - equals - 1));
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            throw std::runtime_error("header " + text + ": " + rd_kafka_err2str(error));
    }
    return headers;
}

void enqueue(rd_kafka_t *producer, const char *topic, int64_t number, const Head &head, std::string &key,
             std::string &value, const rd_kafka_headers_t *all_headers) {
    // An empty text and a null both have length 0. librdkafka takes a null pointer as null, and any other
    // pointer as an empty text.
    void *key_bytes = head.key_length < 0 ? nullptr : key.data();
    void *value_bytes = head.value_length < 0 ? nullptr : value.data();
    std::unique_ptr<int64_t> opaque = std::make_unique<int64_t>(number);
    Headers headers(all_headers == nullptr ? nullptr : rd_kafka_headers_copy(all_headers));
    for (;;) {
        const rd_kafka_resp_err_t error = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(head.partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(head.timestamp),
            RD_KAFKA_V_KEY(key_bytes, key.size()), RD_KAFKA_V_VALUE(value_bytes, value.size()),
            RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(opaque.get()), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            static_cast<void>(headers.release()); // librdkafka owns the headers now
            static_cast<void>(opaque.release());  // report_delivery owns `opaque` now
            return;
        }
        char reason[512] = "";
        if (error == RD_KAFKA_RESP_ERR__FATAL)
            rd_kafka_fatal_error(producer, reason, sizeof reason);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            throw std::runtime_error(std::string(rd_kafka_err2str(error)) + " " + reason);
        rd_kafka_poll(producer, 100);
    }
}

void check(rd_kafka_error_t *error) {
    if (error == nullptr)
        return;
    const std::string text = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    throw std::runtime_error("transaction: " + text);
}

void publish(rd_kafka_t *producer, const std::string &topic, const Headers &headers, const Report &report) {
    Head head{};
    std::string key;
    std::string value;
    for (int64_t number = 0; report.error.empty() && read_head(head); number++) {
        read_bytes(key, head.key_length);
        read_bytes(value, head.value_length);
        enqueue(producer, topic.c_str(), number, head, key, value, headers.get());
        rd_kafka_poll(producer, 0);
    }
}

void flush(rd_kafka_t *producer, int timeout_ms, const Report &report) {
    if (rd_kafka_flush(producer, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        throw std::runtime_error("not delivered in time: " + std::to_string(rd_kafka_outq_len(producer)) +
                                 " messages");
    if (!report.error.empty())
        throw std::runtime_error("not delivered: " + report.error);
}

struct Options {
    std::string brokers;
    std::string topic;
    std::string transaction;
    std::string receipts;
    std::vector<std::string> headers;
    bool abort = false;
    int timeout = 60;
    std::vector<std::string> properties;
};

void run(const Options &options) {
    std::vector<std::string> properties = client_properties(options.brokers);
    // With idempotence Kafka keeps the order of the input within a partition, even if librdkafka sends a
    // message again. If several requests are in flight, librdkafka can report a message as delivered although
    // Kafka does not have the message: see generator/producer_config.cpp.
    properties.insert(properties.end(), {"enable.idempotence=true", "max.in.flight.requests.per.connection=1",
                                         "linger.ms=5", "message.max.bytes=100000000",
                                         "queue.buffering.max.kbytes=200000", "compression.type=none"});
    if (!options.transaction.empty())
        properties.push_back("transactional.id=" + options.transaction);
    properties.insert(properties.end(), options.properties.begin(), options.properties.end());

    Report report;
    if (!options.receipts.empty()) {
        report.receipts.open(options.receipts);
        if (!report.receipts)
            throw std::runtime_error("cannot write " + options.receipts);
    }
    const Handle producer = client_open(RD_KAFKA_PRODUCER, properties, report_delivery, &report);
    const int timeout_ms = options.timeout * 1000;
    if (!options.transaction.empty()) {
        check(rd_kafka_init_transactions(producer.get(), timeout_ms));
        check(rd_kafka_begin_transaction(producer.get()));
    }
    publish(producer.get(), options.topic, make_headers(options.headers), report);
    flush(producer.get(), timeout_ms, report);
    if (!options.transaction.empty())
        check(options.abort ? rd_kafka_abort_transaction(producer.get(), timeout_ms)
                            : rd_kafka_commit_transaction(producer.get(), timeout_ms));
    if (report.receipts.is_open() && !report.receipts.flush())
        throw std::runtime_error("cannot write " + options.receipts);
    for (const auto &[partition, delivered] : report.partitions)
        std::cout << partition << ' ' << delivered.messages << ' ' << delivered.first << ' ' << delivered.last
                  << '\n';
}

int run_command_line(int argc, char **argv) {
    Options options;
    CLI::App app{"Publishes the records of standard input to a Kafka topic"};
    app.add_option("-b,--brokers", options.brokers, "host:port of the broker")->required();
    app.add_option("-t,--topic", options.topic, "the topic")->required();
    CLI::Option *transaction = app.add_option("--transaction", options.transaction,
                                              "publish all in one transaction of this transactional id");
    app.add_flag("--abort", options.abort, "abort the transaction once all is in the log")
        ->needs(transaction);
    app.add_option("--receipts", options.receipts, "a file to write each message's partition and offset to");
    app.add_option("--header", options.headers, "a header of every message, name=value; in the order given");
    app.add_option("--timeout", options.timeout, "seconds to wait for the broker")->capture_default_str();
    app.add_option("-X", options.properties, "a librdkafka property, key=value");
    CLI11_PARSE(app, argc, argv);
    run(options);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    return client_main("kafka-produce", run_command_line, argc, argv);
}
