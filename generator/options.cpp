// Generator, options: what the command line, the environment and a configuration file ask for.
#include "options.h"

#include "help.h"
#include "option_checks.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

namespace heartbeat::generator {

namespace {

constexpr uint32_t most_customers = 10'000'000;
constexpr double longest_interval = 86'400;
constexpr double highest_rate = 1e9;
constexpr double longest_duration = 1e9;
constexpr uint64_t most_messages = 1'000'000'000'000'000;
constexpr int most_partitions = 10'000;
// Event times have microseconds, and those of one customer must differ.
constexpr int64_t shortest_simulated_interval_ns = 1000;

constexpr char description[] =
    "Publishes simulated heart-rate readings of customers to a Kafka topic, for the heartbeat extension to "
    "consume.\n"
    "Most heart rates are normal (mean 75, deviation 15, within 40 to 180), some are anomalies.\n"
    "\n"
    "It runs until Ctrl-C (or SIGTERM) unless told when to stop, and then waits for what is still in flight; "
    "a second\n"
    "Ctrl-C does not wait.\n";

constexpr char footer[] = "\nEnvironment:\n"
                          "An option can also be set by the variable named at its end, or by its name in the "
                          "file that --config-file names\n"
                          "(customers=50, one a line). The command line comes first, then the environment, "
                          "then the file. A switch is set\n"
                          "by true; HEARTBEAT_CONFIG holds key=value pairs separated by `;`.\n"
                          "\nExit status: 0 everything was delivered; 1 something was not, or it could not "
                          "start; 2 a wrong option.\n";

std::string variable_value(const std::string &option) {
    const char *value = std::getenv(variable_of(option).c_str());
    return value == nullptr ? "" : value;
}

// CLI11 lets the file win over the environment; people expect a variable to override a file.
class EnvironmentBeforeFile : public CLI::ConfigTOML {
  public:
    std::vector<CLI::ConfigItem> from_config(std::istream &input) const override {
        auto items = CLI::ConfigTOML::from_config(input);
        std::erase_if(items, [](const CLI::ConfigItem &item) { return !variable_value(item.name).empty(); });
        return items;
    }
};

void add_simulation_options(CLI::App *app, Options *options) {
    const char *group = "Simulation";
    app->add_option("--customers", options->customers, "customers, CUST-0001 and on")
        ->check(check_integer(1, most_customers))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--interval", options->interval,
                    "seconds between two readings of one customer; 0: as fast as possible")
        ->check(check_number(0, longest_interval))
        ->type_name("SECONDS")
        ->group(group);
    app->add_option("--anomaly-rate", options->anomaly_rate,
                    "share of anomalies, 0 to 1: BRADYCARDIA, TACHYCARDIA and INVALID in equal parts")
        ->check(check_number(0, 1))
        ->type_name("SHARE")
        ->group(group);
    app->add_option("--seed", options->seed,
                    "same seed and --start-time, same readings; without it every run differs")
        ->check(check_integer(0, UINT64_MAX))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option(
           "--start-time", options->start_time,
           "event time of the first reading (RFC 3339); from there on event times follow --interval or "
           "--rate "
           "in simulated time, with --interval 0 as if it were 0.5; without it they are the clock's. Kafka "
           "refuses times too far ahead and soon deletes those older than the topic's retention")
        ->transform(check_time())
        ->type_name("TIME")
        ->group(group);
}

void add_extent_options(CLI::App *app, Options *options) {
    const char *group = "How fast and how many";
    app->add_option("--rate", options->rate, "messages a second in total, instead of --interval")
        ->check(check_number(0, highest_rate, true))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--count", options->count, "stop after so many messages")
        ->check(check_integer(1, most_messages))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--duration", options->duration,
                    "stop after so many seconds; with --start-time, of simulated time")
        ->check(check_number(0, longest_duration, true))
        ->type_name("SECONDS")
        ->group(group);
}

void add_kafka_options(CLI::App *app, Options *options) {
    const char *group = "Kafka";
    app->add_option("-b,--brokers", options->brokers, "bootstrap brokers, host:port[,host:port...]")
        ->check(check_brokers())
        ->type_name("HOST:PORT,...")
        ->group(group);
    app->add_option("--topic", options->topic, "topic")->type_name("NAME")->group(group);
    app->add_option("--partitions", options->partitions, "partitions of the topic if it has to be created")
        ->check(check_integer(1, most_partitions))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option(
           "-X,--config", options->config,
           "a property of librdkafka, key=value; may be repeated. message.timeout.ms (30000) is how long to "
           "keep trying while no broker answers")
        ->check(check_property())
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE")
        ->group(group);
    app->add_option(
           "--embedded-broker", options->embedded_broker,
           "serve an in-process Kafka on this loopback port (none given: any free one) and publish to it "
           "instead of --brokers; serves on after the last message until Ctrl-C. It keeps messages in memory "
           "and of each partition only the newest 5 MiB, as compressed, and 100000 batches")
        ->expected(0, 1)
        ->default_str("true")
        ->transform(check_port())
        ->type_name("PORT")
        ->group(group);
}

void add_other_options(CLI::App *app, Options *options) {
    app->add_option("--replay", options->replay,
                    "publish the lines of this file (-: standard input) as they are, valid readings or not, "
                    "as fast as "
                    "--rate allows; the key is the line's customer_id if it can be found")
        ->type_name("FILE");
    app->add_flag("--dry-run", options->dry_run, "print the messages to standard output, contact no broker")
        ->check(check_switch())
        ->excludes("--embedded-broker");
    app->add_option("--alive-file", options->alive_file,
                    "touch this file while messages are being accepted, at most once a second, for a health "
                    "check to look at its age; of 1970 until the first one is")
        ->type_name("FILE");
    app->add_flag("--quiet", options->quiet, "no progress, no summary; errors only")->check(check_switch());
}

// HEARTBEAT_CONFIG is one text for an option that may be repeated, so CLI11 cannot read it.
void take_config_variable(Options *options) {
    std::string rest = variable_value("config");
    if (rest.empty() || !options->config.empty())
        return;
    for (std::string property : CLI::detail::split(rest, ';')) {
        if (CLI::detail::trim(property).empty())
            continue;
        const std::string mistake = check_property()(property);
        if (!mistake.empty())
            throw CLI::ValidationError(variable_of("config"), mistake);
        options->config.push_back(property);
    }
}

} // namespace

double Options::gap_ns() const {
    if (rate)
        return 1e9 / *rate;
    return replay ? 0 : interval * 1e9 / customers;
}

int64_t Options::simulated_interval_ns() const {
    const double seconds = rate ? customers / *rate : interval > 0 ? interval : default_interval;
    return std::max(static_cast<int64_t>(seconds * 1e9), shortest_simulated_interval_ns);
}

std::optional<int> parse_options(int argc, const char *const *argv, const char *version, Options *options,
                                 std::ostream &out, std::ostream &err) {
    CLI::App app(description, "heartbeat-generator");
    app.formatter(std::make_shared<HelpFormatter>());
    app.option_defaults()->always_capture_default();
    app.footer(footer);
    app.set_version_flag("--version", std::string("heartbeat-generator ") + version);

    add_simulation_options(&app, options);
    add_extent_options(&app, options);
    add_kafka_options(&app, options);
    add_other_options(&app, options);

    for (CLI::Option *option : app.get_options()) {
        const std::string name = option->get_single_name();
        if (name != "help" && name != "version" && name != "config")
            option->envname(variable_of(name));
    }
    const std::string file = variable_value("config-file");
    app.set_config("--config-file", file, "read options from this file", !file.empty())->type_name("FILE");
    app.config_formatter(std::make_shared<EnvironmentBeforeFile>());
    app.allow_config_extras(CLI::config_extras_mode::error);

    try {
        app.parse(argc, argv);
        take_config_variable(options);
    } catch (const CLI::ParseError &error) {
        return app.exit(error, out, err) == 0 ? exit_delivered : exit_usage;
    }
    return std::nullopt;
}

} // namespace heartbeat::generator
