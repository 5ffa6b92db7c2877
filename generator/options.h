// Generator, options: reads the command line, the environment and the configuration file. main.cpp calls this
// code.
#pragma once

#include "decode/reading.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace heartbeat::generator {

inline constexpr int exit_delivered = 0;
inline constexpr int exit_undelivered = 1;
inline constexpr int exit_usage = 2;

inline constexpr char format_legal[] = "The formats are json, json-schema, avro and protobuf";

inline constexpr double default_interval = 0.5;

struct Options {
    uint32_t customers = 20;
    double interval = default_interval; // seconds between two readings of a device; 0: as fast as possible
    bool interval_is_given = false;
    double anomaly_rate = 0.05;
    std::optional<double> rate; // messages per second in total; overrides `interval`
    std::optional<uint64_t> count;
    std::optional<double> duration; // seconds
    std::optional<uint64_t> seed;
    std::optional<int64_t> start_time; // microseconds since 1970-01-01 UTC

    std::optional<std::string> preset;        // the name of a template that the program contains
    std::optional<std::string> template_file; // without preset and template_file: heartbeat's own layout
    uint32_t devices = 1;                     // the number of devices of each customer
    std::optional<uint32_t> samples;          // readings in a message; no value: the number in the layout

    std::optional<std::string> format; // json, json-schema, avro or protobuf; no value: the template's format
    std::optional<std::string> schema_registry; // the registry's addresses, with commas between them
    std::optional<uint32_t> schema_id;          // the id of the values' schema, if no registry gives this id
    std::optional<uint32_t> key_schema_id;
    std::optional<std::string> schema_file; // no value: the template's schema, or a derived schema
    std::optional<std::string> key_schema_file;
    bool print_schema = false;

    std::string topic = default_topic;
    std::string brokers = "localhost:9092";
    int partitions = 3;
    bool no_create_topic = false;
    std::vector<std::string> config;         // key=value, properties of librdkafka and of the registry
    std::optional<uint16_t> embedded_broker; // the port of the embedded broker; 0: any free port

    std::optional<std::string> replay;
    std::optional<std::string> alive_file;
    bool dry_run = false;
    bool quiet = false;

    // Nanoseconds between two messages. 0: as fast as possible.
    double gap_ns() const;
    // Seconds of simulated time between two readings of one device.
    double reading_seconds() const;
    // The same time as reading_seconds(), but in nanoseconds, and at least a microsecond.
    int64_t simulated_interval_ns() const;
};

// Fills in *options. The command line overrides the environment, and the environment overrides the
// configuration file. If the options are right, returns no value. For --help, --version or --print-template,
// prints the answer to `out` and returns the exit status. For a wrong option, prints the error to `err` and
// returns the exit status. The program must then end immediately.
std::optional<int> parse_options(int argc, const char *const *argv, const char *version, Options *options,
                                 std::ostream &out, std::ostream &err);

} // namespace heartbeat::generator
