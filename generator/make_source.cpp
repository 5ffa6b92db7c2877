// Generator: makes the source of a run's messages.
#include "make_source.h"

#include "replay.h"
#include "simulated_source.h"
#include "template_source.h"

#include <algorithm>
#include <utility>

namespace heartbeat::generator {

namespace {

std::unique_ptr<Source> make_template_source(const Options &options, const SimulationSettings &simulation,
                                             MessageTemplate layout, MessageEncoding encoding) {
    MessageSettings settings;
    settings.simulation = simulation;
    settings.simulation.interval_ns = std::max(simulation.interval_ns, layout.resolution * 1000);
    settings.devices = options.devices;
    settings.samples = static_cast<uint32_t>(layout.samples);
    settings.resolution = layout.resolution;
    settings.day_zone = layout.day_zone;
    return std::make_unique<TemplateSource>(std::move(layout), settings, std::move(encoding));
}

} // namespace

std::unique_ptr<Source> make_source(const Options &options, std::optional<MessageTemplate> layout,
                                    MessageEncoding encoding, uint64_t seed) {
    if (options.replay)
        return std::make_unique<ReplaySource>(*options.replay);
    SimulationSettings settings;
    settings.customers = options.customers;
    settings.anomaly_rate = options.anomaly_rate;
    settings.seed = seed;
    settings.interval_ns = options.simulated_interval_ns();
    settings.start_time = options.start_time;
    if (options.start_time && options.duration)
        settings.duration = static_cast<int64_t>(*options.duration * 1e6);
    if (layout)
        return make_template_source(options, settings, std::move(*layout), std::move(encoding));
    return std::make_unique<SimulatedSource>(settings);
}

} // namespace heartbeat::generator
