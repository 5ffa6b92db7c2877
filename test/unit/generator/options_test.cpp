// Unit tests of the generator: every option from the command line, the environment and a file, and wrong
// values.
#include "options.h"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

namespace heartbeat::generator {
namespace {

struct Outcome {
    std::optional<int> status;
    Options options;
    std::string out;
    std::string err;
};

Outcome parse(const std::vector<std::string> &arguments) {
    std::vector<const char *> argv = {"heartbeat-generator"};
    for (const std::string &argument : arguments)
        argv.push_back(argument.c_str());
    Outcome outcome;
    std::ostringstream out;
    std::ostringstream err;
    outcome.status =
        parse_options(static_cast<int>(argv.size()), argv.data(), "9.8", &outcome.options, out, err);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

class Variable {
  public:
    Variable(const std::string &name, const std::string &value) : name_(name) {
        setenv(name.c_str(), value.c_str(), 1);
    }
    Variable(const Variable &) = delete;
    Variable &operator=(const Variable &) = delete;
    ~Variable() { unsetenv(name_.c_str()); }

  private:
    std::string name_;
};

class ConfigFile {
  public:
    explicit ConfigFile(const std::string &content) { std::ofstream(path_) << content; }
    ConfigFile(const ConfigFile &) = delete;
    ConfigFile &operator=(const ConfigFile &) = delete;
    ~ConfigFile() { unlink(path_.c_str()); }
    const std::string &path() const { return path_; }

  private:
    std::string path_ = testing::TempDir() + "generator-" + std::to_string(getpid()) + ".toml";
};

struct Example {
    const char *name; // without the dashes
    const char *variable;
    const char *value;
    std::function<bool(const Options &)> is_set;
};

std::string name_of(const testing::TestParamInfo<Example> &info) {
    return std::string(info.param.variable).substr(sizeof("HEARTBEAT_") - 1);
}

class EveryOption : public testing::TestWithParam<Example> {};

TEST_P(EveryOption, DiffersFromTheDefault) {
    EXPECT_FALSE(GetParam().is_set(Options()));
}

TEST_P(EveryOption, IsReadFromTheCommandLine) {
    const Outcome outcome = parse({std::string("--") + GetParam().name + "=" + GetParam().value});
    EXPECT_EQ(outcome.status, std::nullopt) << outcome.err;
    EXPECT_TRUE(GetParam().is_set(outcome.options));
}

TEST_P(EveryOption, IsReadFromTheEnvironment) {
    const Variable variable(GetParam().variable, GetParam().value);
    const Outcome outcome = parse({});
    EXPECT_EQ(outcome.status, std::nullopt) << outcome.err;
    EXPECT_TRUE(GetParam().is_set(outcome.options));
}

TEST_P(EveryOption, IsReadFromAFile) {
    const ConfigFile file(std::string(GetParam().name) + "=\"" + GetParam().value + "\"\n");
    const Outcome outcome = parse({"--config-file", file.path()});
    EXPECT_EQ(outcome.status, std::nullopt) << outcome.err;
    EXPECT_TRUE(GetParam().is_set(outcome.options));
}

TEST_P(EveryOption, IgnoresAnEmptyVariable) {
    const Variable variable(GetParam().variable, "");
    const Outcome outcome = parse({});
    EXPECT_EQ(outcome.status, std::nullopt) << outcome.err;
    EXPECT_FALSE(GetParam().is_set(outcome.options));
}

INSTANTIATE_TEST_SUITE_P(
    Options, EveryOption,
    testing::Values(
        Example{"customers", "HEARTBEAT_CUSTOMERS", "50", [](const Options &o) { return o.customers == 50; }},
        Example{"interval", "HEARTBEAT_INTERVAL", "0.25",
                [](const Options &o) { return o.interval == 0.25; }},
        Example{"anomaly-rate", "HEARTBEAT_ANOMALY_RATE", "0.2",
                [](const Options &o) { return o.anomaly_rate == 0.2; }},
        Example{"rate", "HEARTBEAT_RATE", "1e3", [](const Options &o) { return o.rate == 1000; }},
        Example{"count", "HEARTBEAT_COUNT", "77", [](const Options &o) { return o.count == 77; }},
        Example{"duration", "HEARTBEAT_DURATION", "1.5", [](const Options &o) { return o.duration == 1.5; }},
        Example{"seed", "HEARTBEAT_SEED", "18446744073709551615",
                [](const Options &o) { return o.seed == UINT64_MAX; }},
        Example{"start-time", "HEARTBEAT_START_TIME", "1970-01-01T00:00:01Z",
                [](const Options &o) { return o.start_time == 1'000'000; }},
        Example{"preset", "HEARTBEAT_PRESET", "garmin-push",
                [](const Options &o) { return o.preset == "garmin-push"; }},
        Example{"template", "HEARTBEAT_TEMPLATE", "/tmp/template.json",
                [](const Options &o) { return o.template_file == "/tmp/template.json"; }},
        Example{"devices", "HEARTBEAT_DEVICES", "2", [](const Options &o) { return o.devices == 2; }},
        Example{"samples", "HEARTBEAT_SAMPLES", "60", [](const Options &o) { return o.samples == 60; }},
        Example{"topic", "HEARTBEAT_TOPIC", "other", [](const Options &o) { return o.topic == "other"; }},
        Example{"brokers", "HEARTBEAT_BROKERS", "a:1,b:2",
                [](const Options &o) { return o.brokers == "a:1,b:2"; }},
        Example{"partitions", "HEARTBEAT_PARTITIONS", "12",
                [](const Options &o) { return o.partitions == 12; }},
        Example{"no-create-topic", "HEARTBEAT_NO_CREATE_TOPIC", "true",
                [](const Options &o) { return o.no_create_topic; }},
        Example{"config", "HEARTBEAT_CONFIG", "linger.ms=7",
                [](const Options &o) { return o.config == std::vector<std::string>{"linger.ms=7"}; }},
        Example{"dry-run", "HEARTBEAT_DRY_RUN", "true", [](const Options &o) { return o.dry_run; }},
        Example{"quiet", "HEARTBEAT_QUIET", "true", [](const Options &o) { return o.quiet; }},
        Example{"replay", "HEARTBEAT_REPLAY", "-", [](const Options &o) { return o.replay == "-"; }},
        Example{"alive-file", "HEARTBEAT_ALIVE_FILE", "/tmp/alive",
                [](const Options &o) { return o.alive_file == "/tmp/alive"; }},
        Example{"embedded-broker", "HEARTBEAT_EMBEDDED_BROKER", "19092",
                [](const Options &o) { return o.embedded_broker == 19092; }}),
    name_of);

TEST(Options, HaveTheDocumentedDefaults) {
    const Options options = parse({}).options;
    EXPECT_EQ(options.customers, 20U);
    EXPECT_EQ(options.interval, 0.5);
    EXPECT_EQ(options.anomaly_rate, 0.05);
    EXPECT_EQ(options.topic, "heartbeat-events");
    EXPECT_EQ(options.brokers, "localhost:9092");
    EXPECT_EQ(options.partitions, 3);
}

TEST(Options, AcceptsShortNames) {
    const Outcome outcome = parse({"-b", "a:1", "-X", "linger.ms=7", "-X", "sasl.password=a=b;c,d"});
    EXPECT_EQ(outcome.status, std::nullopt) << outcome.err;
    EXPECT_EQ(outcome.options.brokers, "a:1");
    EXPECT_EQ(outcome.options.config, (std::vector<std::string>{"linger.ms=7", "sasl.password=a=b;c,d"}));
}

TEST(Options, RefusesInvalidListsOfBrokers) {
    for (const char *list : {"", ",", "kafka://a:9092", "SSL://a:9092", "a:99999", ":9092"}) {
        const Outcome outcome = parse({"-b", list});
        EXPECT_EQ(outcome.status, exit_usage) << list;
        EXPECT_NE(outcome.err.find("host:port"), std::string::npos) << outcome.err;
    }
}

TEST(Options, ReadsSeveralPropertiesFromOneVariable) {
    const Variable variable("HEARTBEAT_CONFIG", "linger.ms=7; ssl.cipher.suites=a,b;");
    EXPECT_EQ(parse({}).options.config, (std::vector<std::string>{"linger.ms=7", "ssl.cipher.suites=a,b"}));
    const Variable broken("HEARTBEAT_CONFIG", "linger.ms");
    const Outcome outcome = parse({});
    EXPECT_EQ(outcome.status, exit_usage);
    EXPECT_NE(outcome.err.find("HEARTBEAT_CONFIG"), std::string::npos) << outcome.err;
}

TEST(Options, ReadsSeveralPropertiesFromAFile) {
    const ConfigFile file("config=[\"linger.ms=7\", \"acks=all\"]\n");
    const Outcome outcome = parse({"--config-file", file.path()});
    EXPECT_EQ(outcome.options.config, (std::vector<std::string>{"linger.ms=7", "acks=all"})) << outcome.err;
}

TEST(Options, PrefersCommandLineToEnvironmentToFile) {
    const ConfigFile file("customers=1\ntopic=\"file\"\nconfig=\"linger.ms=1\"\nseed=1\n");
    const Variable customers("HEARTBEAT_CUSTOMERS", "2");
    const Variable topic("HEARTBEAT_TOPIC", "environment");
    const Variable config("HEARTBEAT_CONFIG", "linger.ms=2");
    const Options options = parse({"--customers", "3", "--config-file", file.path()}).options;
    EXPECT_EQ(options.customers, 3U);
    EXPECT_EQ(options.topic, "environment");
    EXPECT_EQ(options.config, std::vector<std::string>{"linger.ms=2"});
    EXPECT_EQ(options.seed, 1U);
}

TEST(Options, ReadsTheFileThatTheEnvironmentNames) {
    const ConfigFile file("customers=9\n");
    const Variable variable("HEARTBEAT_CONFIG_FILE", file.path());
    EXPECT_EQ(parse({}).options.customers, 9U);
}

TEST(Options, EmbeddedBrokerNeedsNoPort) {
    EXPECT_EQ(parse({"--embedded-broker"}).options.embedded_broker, 0);
    EXPECT_EQ(parse({"--embedded-broker", "--quiet"}).options.embedded_broker, 0);
    EXPECT_EQ(parse({"--embedded-broker", "1"}).options.embedded_broker, 1);
    const Variable variable("HEARTBEAT_EMBEDDED_BROKER", "true");
    EXPECT_EQ(parse({}).options.embedded_broker, 0);
}

struct Wrong {
    const char *name;
    std::vector<const char *> values;
    const char *legal;
};

TEST(Options, ErrorsNameTheValidValues) {
    const Wrong wrongs[] = {
        {"--customers", {"0", "-1", "1.5", "many", "10000001"}, "a whole number from 1 to 10000000"},
        {"--interval", {"-0.1", "nan", "inf", "1s", "86401"}, "a number from 0 to 86400"},
        {"--anomaly-rate", {"-0.1", "1.01", "5%", "nan"}, "a number from 0 to 1"},
        {"--rate", {"0", "1e-17", "-1", "nan", "fast"}, "a number from 1e-06"},
        {"--count", {"0", "-1", "1e3"}, "a whole number from 1"},
        {"--duration", {"0", "-1", "inf"}, "a number above 0"},
        {"--seed", {"-1", "x", "18446744073709551616"}, "a whole number from 0"},
        {"--start-time",
         {"now", "2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z", "1795358342"},
         "an RFC 3339 time"},
        {"--preset",
         {"garmin", "Heartbeat"},
         "The presets are fhir-observation, fitbit-intraday, garmin-push"},
        {"--devices", {"0", "-1", "1001", "two"}, "a whole number from 1 to 1000"},
        {"--samples", {"0", "-1", "1000001"}, "a whole number from 1 to 1000000"},
        {"--partitions", {"0", "x"}, "a whole number from 1"},
        {"--config", {"linger.ms", "=5"}, "key=value"},
        {"--embedded-broker", {"0", "65536", "yes"}, "a port from 1 to 65535"},
        {"--dry-run", {"maybe"}, "true or false"},
    };
    for (const Wrong &wrong : wrongs) {
        for (const char *value : wrong.values) {
            const Outcome outcome = parse({std::string(wrong.name) + "=" + value});
            EXPECT_EQ(outcome.status, exit_usage) << wrong.name << "=" << value;
            EXPECT_NE(outcome.err.find(wrong.name), std::string::npos) << outcome.err;
            EXPECT_NE(outcome.err.find(wrong.legal), std::string::npos)
                << wrong.name << "=" << value << ": " << outcome.err;
        }
    }
}

TEST(Options, RefusesOtherMistakes) {
    EXPECT_EQ(parse({"--nonsense"}).status, exit_usage);
    EXPECT_EQ(parse({"stray"}).status, exit_usage);
    EXPECT_EQ(parse({"--topic"}).status, exit_usage);
    EXPECT_EQ(parse({"--dry-run", "--embedded-broker"}).status, exit_usage);
    EXPECT_EQ(parse({"--preset", "heartbeat", "--template", "x"}).status, exit_usage);
    EXPECT_EQ(parse({"--print-template", "--template", "x"}).status, exit_usage);
    for (const char *option : {"--preset=heartbeat", "--template=x", "--samples=2"})
        EXPECT_EQ(parse({"--replay", "-", option}).status, exit_usage) << option;
    EXPECT_EQ(parse({"--config-file", "/nonexistent"}).status, exit_usage);
    const Variable missing("HEARTBEAT_CONFIG_FILE", "/nonexistent");
    EXPECT_EQ(parse({}).status, exit_usage);
}

TEST(Options, RefusesUnknownNamesInAFile) {
    const ConfigFile file("costumers=5\n");
    const Outcome outcome = parse({"--config-file", file.path()});
    EXPECT_EQ(outcome.status, exit_usage);
    EXPECT_NE(outcome.err.find("costumers"), std::string::npos) << outcome.err;
}

TEST(Options, PrintsHelpAndVersion) {
    const Outcome help = parse({"--help"});
    EXPECT_EQ(help.status, exit_delivered);
    for (const char *name : {"--customers", "--embedded-broker", "5 MiB", "Exit status"})
        EXPECT_NE(help.out.find(name), std::string::npos) << name;
    const Outcome version = parse({"--version"});
    EXPECT_EQ(version.status, exit_delivered);
    EXPECT_EQ(version.out, "heartbeat-generator 9.8\n");
}

TEST(Options, PrintsTheTemplateOfAPreset) {
    const Outcome own = parse({"--print-template"});
    EXPECT_EQ(own.status, exit_delivered);
    EXPECT_NE(own.out.find("\"event_timestamp\": \"${time:iso}\""), std::string::npos) << own.out;
    const Outcome garmin = parse({"--print-template", "--preset", "garmin-push"});
    EXPECT_NE(garmin.out.find("timeOffsetHeartRateSamples"), std::string::npos) << garmin.out;
    EXPECT_TRUE(garmin.out.starts_with("{\n") && garmin.out.ends_with("}\n")) << garmin.out;
}

TEST(Options, KnowsWhetherTheIntervalIsGiven) {
    EXPECT_FALSE(parse({}).options.interval_is_given);
    EXPECT_TRUE(parse({"--interval", "0.5"}).options.interval_is_given);
    const Variable variable("HEARTBEAT_INTERVAL", "0.5");
    EXPECT_TRUE(parse({}).options.interval_is_given);
}

TEST(Options, ComputesGapAndSimulatedInterval) {
    Options options;
    EXPECT_EQ(options.gap_ns(), 25e6);
    EXPECT_EQ(options.simulated_interval_ns(), 500'000'000);
    options.interval = 0;
    EXPECT_EQ(options.gap_ns(), 0);
    EXPECT_EQ(options.simulated_interval_ns(), 500'000'000);
    options.rate = 1000;
    EXPECT_EQ(options.gap_ns(), 1e6);
    EXPECT_EQ(options.simulated_interval_ns(), 20'000'000);
    options.rate = 1e9;
    EXPECT_EQ(options.simulated_interval_ns(), 1000);

    Options replay;
    replay.replay = "-";
    EXPECT_EQ(replay.gap_ns(), 0);
    replay.rate = 10;
    EXPECT_EQ(replay.gap_ns(), 1e8);
}

} // namespace
} // namespace heartbeat::generator
