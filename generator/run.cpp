// Generator: one run, from the options to the exit status. The run takes messages from the source, and passes
// each message to the sink when the message is due. At the end, the run waits for the messages in flight and
// prints a summary.
#include "run.h"

#include "alive_file.h"
#include "embedded_broker.h"
#include "encoding.h"
#include "layout.h"
#include "make_source.h"
#include "pace.h"
#include "print.h"
#include "publish.h"
#include "registry_settings.h"
#include "schema_registry.h"
#include "stop.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <poll.h>
#include <random>
#include <unistd.h>
#include <utility>

namespace heartbeat::generator {

namespace {

using Clock = Pacer::Clock;

constexpr int slice_ms = 50; // longest delay until the run notices Ctrl-C
// After this many messages at the latest, the run handles delivery reports and checks the clock.
constexpr uint64_t serve_every = 256;
constexpr auto no_end = Clock::time_point::max();

uint64_t random_seed() {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
}

PrintForm print_form(const MessageEncoding &encoding) {
    if (!encoding.is_binary())
        return PrintForm::text;
    return encoding.key.plan ? PrintForm::hex_with_key : PrintForm::hex;
}

std::unique_ptr<Sink> make_sink(const Options &options, PrintForm form, const EmbeddedBroker *broker,
                                Console *console) {
    if (options.dry_run)
        return std::make_unique<PrintSink>(STDOUT_FILENO, options.gap_ns() > 0 || options.replay, form,
                                           console);
    PublishSettings settings;
    settings.brokers = broker != nullptr ? broker->address() : options.brokers;
    settings.topic = options.topic;
    settings.create_partitions = broker != nullptr || options.no_create_topic ? 0 : options.partitions;
    if (broker != nullptr) // with better compression, the embedded broker can keep more messages
        settings.properties.push_back(std::string("compression.codec=") +
                                      producer_config_densest_compression());
    settings.properties.insert(settings.properties.end(), options.config.begin(), options.config.end());
    return std::make_unique<Publisher>(settings, console);
}

// Returns the time at which --duration ends the run. With --start-time, --duration limits the simulated time
// and not the time of the clock. Then the simulator ends the run, and this function returns no_end.
Clock::time_point end_of(const Options &options, Clock::time_point start) {
    if (!options.duration || (options.start_time && !options.replay))
        return no_end;
    return start +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*options.duration));
}

class Run {
  public:
    // alive_file may be nullptr.
    Run(const Options &options, Source *source, Sink *sink, AliveFile *alive_file, Console *console)
        : options_(options), source_(source), sink_(sink), alive_file_(alive_file), console_(console) {}

    // Sends messages. Returns `end` if the source has no more messages, and `failed` if the source has an
    // error. Returns `message` if the count, the duration, an error of the sink, or Ctrl-C ends the run.
    SourceState send_all() {
        const Pacer pacer(options_.gap_ns());
        const auto end = end_of(options_, Clock::now());
        const uint64_t count = options_.count.value_or(UINT64_MAX);
        Message message;

        uint64_t due = 0;
        for (uint64_t index = 0; index < count; index++) {
            if (index >= due || index % serve_every == 0) {
                serve(0);
                if (!wait_for_turn(pacer, index, end))
                    return SourceState::message;
                due = pacer.due();
            }
            const SourceState state = next_message(&message, end);
            if (state != SourceState::message)
                return state == SourceState::waiting ? SourceState::message : state;
            send(message);
        }
        return SourceState::message;
    }

    // Waits until Kafka has acknowledged the messages in flight, or until these messages time out. A second
    // Ctrl-C ends this wait at once, and SIGTERM ends this wait after one second.
    void drain() {
        serve(0);
        while (sink_->counts().in_flight() > 0 && !stop_at_once())
            serve(slice_ms);
        if (sink_->counts().in_flight() > 0)
            sink_->abandon();
        console_->clear_progress();
    }

  private:
    bool is_over(Clock::time_point end) const {
        return stop_requested() || sink_->broken() || (end != no_end && Clock::now() >= end);
    }

    void serve(int timeout_ms) {
        sink_->serve(timeout_ms);
        console_->progress(sink_->counts());
        if (alive_file_ != nullptr)
            alive_file_->note(sink_->counts().acknowledged);
    }

    // Returns `waiting` if the run must end and the source still has no message.
    SourceState next_message(Message *message, Clock::time_point end) {
        SourceState state = SourceState::waiting;
        while ((state = source_->next(message)) == SourceState::waiting && !is_over(end))
            serve(0);
        if (state == SourceState::failed)
            console_->error(source_->error());
        return state;
    }

    bool wait_for_turn(const Pacer &pacer, uint64_t index, Clock::time_point end) {
        int64_t wait_ms = 0;
        while (!is_over(end) && (wait_ms = pacer.wait_ms(index)) > 0)
            serve(static_cast<int>(std::min<int64_t>(wait_ms, slice_ms)));
        return !is_over(end);
    }

    // Waits while the queue is full. Drops the message only if Ctrl-C or an error of the sink ends this wait.
    void send(const Message &message) {
        while (sink_->send(message) == SendResult::full && !stop_requested() && !sink_->broken())
            serve(slice_ms);
    }

    const Options &options_;
    Source *source_;
    Sink *sink_;
    AliveFile *alive_file_;
    Console *console_;
};

void sum_up(const Options &options, const Counts &counts, Clock::time_point start, uint64_t seed,
            Console *console) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    char elapsed[64];
    snprintf(elapsed, sizeof(elapsed), " in %.1f s", seconds);
    std::string text =
        console_counts(counts, static_cast<double>(counts.acknowledged) / std::max(seconds, 1e-9));
    text += elapsed;
    if (!options.replay)
        text += ", seed " + std::to_string(seed);
    console->info(text);
}

// Returns how many of the expected messages Kafka has not acknowledged. The run expects --count messages. But
// without --count, with --duration, after Ctrl-C, or after the end of the source, the run expects only the
// messages that it has sent.
uint64_t undelivered(const Options &options, const Counts &counts, bool source_ended) {
    const bool all_wanted = options.count && !options.duration && !stop_requested() && !source_ended;
    return (all_wanted ? *options.count : counts.sent) - counts.acknowledged;
}

void serve_until_stopped(const EmbeddedBroker &broker, Console *console) {
    const int64_t dropped = broker.dropped();
    if (dropped > 0)
        console->error("the embedded broker has removed the oldest " + std::to_string(dropped) +
                       " messages, because its memory is limited");
    console->info("embedded broker: runs until Ctrl-C");
    while (!stop_requested())
        poll(nullptr, 0, slice_ms);
}

// Registers the schemas, and makes the frames with the ids that the registry returns.
void register_schemas(const Options &options, const RegistrySettings &settings, MessageEncoding *encoding) {
    const auto register_part = [&](const std::string &subject, PartEncoding *part) {
        const uint32_t id = schema_registry_register(*options.schema_registry, settings, subject,
                                                     part->schema, encoding_schema_type(encoding->format));
        encoding_set_id(encoding->format, id, part);
    };
    register_part(options.topic + "-value", &encoding->value);
    if (!encoding->key.schema.empty())
        register_part(options.topic + "-key", &encoding->key);
}

} // namespace

int run_generator(Options options, Console *console) {
    stop_install_handlers();
    const RegistrySettings registry = registry_settings_take(&options.config);
    auto layout = layout_load(&options);
    MessageEncoding encoding = layout ? encoding_load(options, *layout) : MessageEncoding();
    if (options.print_schema) {
        puts(encoding.value.schema.c_str());
        return exit_delivered;
    }
    if (options.schema_registry)
        register_schemas(options, registry, &encoding);
    std::optional<AliveFile> alive_file;
    if (options.alive_file)
        alive_file.emplace(*options.alive_file);
    std::unique_ptr<EmbeddedBroker> broker;
    if (options.embedded_broker) {
        broker =
            std::make_unique<EmbeddedBroker>(*options.embedded_broker, options.topic, options.partitions);
        console->error("embedded broker: " + broker->address());
    }
    const uint64_t seed = options.seed ? *options.seed : random_seed();
    const auto sink = make_sink(options, print_form(encoding), broker.get(), console);
    const auto source = make_source(options, std::move(layout), std::move(encoding), seed);

    auto start = Clock::now();
    const bool opened = sink->open();
    if (opened)
        start = Clock::now(); // the rate does not include the time to create the topic
    SourceState state = SourceState::waiting;
    if (opened) {
        Run run(options, source.get(), sink.get(), alive_file ? &*alive_file : nullptr, console);
        state = run.send_all();
        run.drain();
    }
    const Counts &counts = sink->counts();
    sum_up(options, counts, start, seed, console);
    const uint64_t missing = undelivered(options, counts, state == SourceState::end);
    if (missing > 0)
        console->error(std::to_string(missing) + " messages were not delivered");
    if (!opened || state == SourceState::failed || sink->broken() || missing > 0)
        return exit_undelivered;
    if (broker && !stop_requested())
        serve_until_stopped(*broker, console);
    return exit_delivered;
}

} // namespace heartbeat::generator
