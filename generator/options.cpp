// Generator, options: reads the command line, the environment and the configuration file, with CLI11.
#include "options.h"

#include "format_options.h"
#include "help.h"
#include "kafka_options.h"
#include "layout_options.h"
#include "option_checks.h"
#include "template_presets.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

namespace heartbeat::generator {

namespace {

constexpr uint32_t most_customers = 10'000'000;
constexpr double longest_interval = 86'400;
constexpr double lowest_rate = 1e-6; // about one message in 12 days
constexpr double highest_rate = 1e9;
constexpr double longest_duration = 1e9;
constexpr uint64_t most_messages = 1'000'000'000'000'000;
// Event times have a resolution of a microsecond. Two readings of a customer must have different times.
constexpr int64_t shortest_simulated_interval_ns = 1000;
constexpr double longest_simulated_interval_ns = 1e18; // 31 years; only a very low --rate exceeds this limit

constexpr char description[] =
    "Publishes simulated heart-rate readings of customers to a Kafka topic, for the heartbeat extension to "
    "consume.\n"
    "Most heart rates are normal (mean 75, standard deviation 15, from 40 to 180). Some are anomalies.\n"
    "\n"
    "The generator runs until Ctrl-C or SIGTERM, or until the end that --count or --duration sets. Then "
    "it waits for the\n"
    "delivery of the messages in flight, after SIGTERM for one second at most. A second Ctrl-C ends the "
    "generator at once.\n";

constexpr char footer[] = "\nEnvironment:\n"
                          "You can set each option in three ways: on the command line, by the environment "
                          "variable in brackets, or by its\n"
                          "name in the file of --config-file (one line for each option, such as "
                          "customers=50). The command line has priority\n"
                          "over the environment, and the environment over the file. To set a switch, use "
                          "true. HEARTBEAT_CONFIG contains\n"
                          "key=value pairs separated by `;`.\n"
                          "\nExit status: 0: Kafka has acknowledged every message; 1: a message was not "
                          "delivered, or the generator could not\n"
                          "start; 2: an option is wrong.\n";

std::string variable_value(const std::string &option) {
    const char *value = std::getenv(variable_of(option).c_str());
    return value == nullptr ? "" : value;
}

// Users expect that an environment variable overrides the configuration file, but in CLI11 the file overrides
// the variable. So if the variable of an option is set, this class ignores the option in the file.
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
    app->add_option("--customers", options->customers,
                    "number of customers; their ids are CUST-0001, CUST-0002, ...")
        ->check(check_integer(1, most_customers))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--interval", options->interval,
                    "seconds between two readings of one device; 0: as fast as possible")
        ->check(check_number(0, longest_interval))
        ->type_name("SECONDS")
        ->group(group);
    app->add_option("--anomaly-rate", options->anomaly_rate,
                    "share of anomalies, 0 to 1: BRADYCARDIA, TACHYCARDIA and INVALID in equal parts")
        ->check(check_number(0, 1))
        ->type_name("SHARE")
        ->group(group);
    app->add_option(
           "--seed", options->seed,
           "seed of the simulation: the same seed and --start-time give the same readings; without a seed "
           "every run differs")
        ->check(check_integer(0, UINT64_MAX))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option(
           "--start-time", options->start_time,
           "event time of the first reading (RFC 3339). The following event times advance by --interval or "
           "--rate in simulated time; --interval 0 advances them as --interval 0.5 does. Without this option "
           "the event times "
           "come from the clock. Kafka refuses messages with a time too far ahead, and soon deletes messages "
           "older than the topic's retention")
        ->transform(check_time())
        ->type_name("TIME")
        ->group(group);
}

void add_extent_options(CLI::App *app, Options *options) {
    const char *group = "How fast and how many";
    app->add_option("--rate", options->rate,
                    "messages a second of all customers together, instead of --interval")
        ->check(check_number(lowest_rate, highest_rate, false))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--count", options->count, "stop after this number of messages")
        ->check(check_integer(1, most_messages))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--duration", options->duration,
                    "stop after this number of seconds; with --start-time: seconds of simulated time")
        ->check(check_number(0, longest_duration, true))
        ->type_name("SECONDS")
        ->group(group);
}

void add_other_options(CLI::App *app, Options *options) {
    app->add_option(
           "--replay", options->replay,
           "publish the lines of this file (-: standard input) without a change, valid readings or "
           "not, as fast as --rate allows. The key is the customer_id of the line, if the line has one")
        ->excludes("--preset")
        ->excludes("--template")
        ->excludes("--samples")
        ->excludes("--format")
        ->excludes("--schema-registry")
        ->excludes("--schema-id")
        ->excludes("--schema")
        ->excludes("--key-schema")
        ->excludes("--print-schema")
        ->type_name("FILE");
    app->add_flag("--dry-run", options->dry_run,
                  "print the messages to standard output, and do not connect to a broker")
        ->check(check_switch())
        ->excludes("--embedded-broker");
    app->add_option(
           "--alive-file", options->alive_file,
           "touch this file when Kafka acknowledges messages, at most once a second, so that a health "
           "check can read the age of the file. Until the first acknowledgment its time is 1970")
        ->type_name("FILE");
    app->add_flag("--quiet", options->quiet, "print errors only, no progress and no summary")
        ->check(check_switch());
}

// The user can give --config several times. HEARTBEAT_CONFIG has all values of this option in one text,
// separated by semicolons. CLI11 cannot split such a text, so this function splits it. If the user gives
// --config, the function ignores HEARTBEAT_CONFIG.
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
    return replay ? 0 : interval * samples.value_or(1) * 1e9 / (static_cast<double>(devices) * customers);
}

double Options::reading_seconds() const {
    if (rate)
        return static_cast<double>(devices) * customers / *rate / samples.value_or(1);
    return interval > 0 ? interval : default_interval;
}

int64_t Options::simulated_interval_ns() const {
    const double nanoseconds = std::min(reading_seconds() * 1e9, longest_simulated_interval_ns);
    return std::max(static_cast<int64_t>(nanoseconds), shortest_simulated_interval_ns);
}

std::optional<int> parse_options(int argc, const char *const *argv, const char *version, Options *options,
                                 std::ostream &out, std::ostream &err) {
    CLI::App app(description, "heartbeat-generator");
    app.formatter(std::make_shared<HelpFormatter>());
    app.option_defaults()->always_capture_default();
    app.footer(footer);
    app.set_version_flag("--version", std::string("heartbeat-generator ") + version);

    bool print_template = false;
    add_simulation_options(&app, options);
    add_layout_options(&app, options, &print_template);
    add_format_options(&app, options);
    add_extent_options(&app, options);
    add_kafka_options(&app, options);
    add_other_options(&app, options);

    for (CLI::Option *option : app.get_options()) {
        const std::string name = option->get_single_name();
        if (name != "help" && name != "version" && name != "config")
            option->envname(variable_of(name));
    }
    const std::string file = variable_value("config-file");
    app.set_config("--config-file", file, "file to read options from", !file.empty())->type_name("FILE");
    app.config_formatter(std::make_shared<EnvironmentBeforeFile>());
    app.allow_config_extras(CLI::config_extras_mode::error);

    try {
        app.parse(argc, argv);
        take_config_variable(options);
        options->interval_is_given = app.get_option("--interval")->count() > 0;
    } catch (const CLI::ParseError &error) {
        return app.exit(error, out, err) == 0 ? exit_delivered : exit_usage;
    }
    if (print_template) {
        out << *preset_find(options->preset.value_or(own_preset));
        return exit_delivered;
    }
    return std::nullopt;
}

} // namespace heartbeat::generator
