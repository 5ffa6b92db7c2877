// Generator: loads the layout of the messages of a run: heartbeat's own layout, or a template.
#include "layout.h"

#include "template_compile.h"
#include "template_presets.h"
#include "text_file.h"

#include <algorithm>
#include <sstream>

namespace heartbeat::generator {

namespace {

constexpr uint64_t most_devices = 10'000'000;  // the largest number of devices of all customers together
constexpr int longest_message = 1'000'000'000; // seconds from the first to the last reading
constexpr double tolerance = 1e-9;             // allowed rounding error of a computed number of seconds

std::string number_text(double number) {
    std::ostringstream text;
    text.precision(6);
    text << number;
    return text.str();
}

MessageTemplate compile(const Options &options) {
    if (options.template_file)
        return template_compile(text_file_read("--template", *options.template_file),
                                "--template " + *options.template_file, options.samples);
    // check_preset() has checked that the preset exists
    const std::string preset = options.preset.value_or(own_preset);
    return template_compile(preset_find(preset).value(), "--preset " + preset, options.samples);
}

// Refuses --devices and --samples if the layout has no place for them. Also refuses too many devices.
void check_places(const Options &options, bool has_device, bool has_repeat) {
    if (options.devices > 1 && !has_device)
        throw LayoutError("--devices " + std::to_string(options.devices) +
                          ": the layout has no place for a device, so a consumer could not distinguish the "
                          "readings of two devices. Use a template with ${device_id} or ${device_number}");
    if (options.samples && !has_repeat)
        throw LayoutError("--samples " + std::to_string(*options.samples) +
                          ": a message of this layout has one reading. Use a template with $repeat");
    if (uint64_t{options.devices} * options.customers > most_devices)
        throw LayoutError("--customers " + std::to_string(options.customers) + " with --devices " +
                          std::to_string(options.devices) + ": all customers together can have at most " +
                          std::to_string(most_devices) + " devices");
}

// Refuses a short --interval or a high --rate if two readings of a device could have the same time in the
// messages. For example, a layout can write times in whole seconds.
void check_interval(const Options &options, int64_t resolution) {
    const double shortest = static_cast<double>(resolution) / 1e6;
    const std::string why = ": this layout writes times in steps of " + number_text(shortest) +
                            " s, so the times of two readings of a device must differ by at least this step";
    const bool paced = options.rate || options.interval > 0;
    if (!options.rate && paced && options.interval < shortest)
        throw LayoutError("--interval " + number_text(options.interval) + why + ". Give --interval " +
                          number_text(shortest) + " or more");
    if (options.start_time || resolution == 1)
        return;
    const std::string simulate = "--start-time, which simulates the time";
    if (!paced)
        throw LayoutError("--interval 0" + why + ". Give another --interval, or " + simulate);
    if (options.rate && options.reading_seconds() < shortest - tolerance)
        throw LayoutError("--rate " + number_text(*options.rate) + why +
                          ". At this rate a device has a reading every " +
                          number_text(options.reading_seconds()) +
                          " s. Give a lower --rate, more --customers, or " + simulate);
}

// Returns true if the options need a template for heartbeat's own layout. Without a template, the generator
// is faster, but writes this layout only as JSON.
bool needs_template(const Options &options) {
    return options.format.value_or("json") != "json" || options.schema_registry || options.schema_id ||
           options.schema_file || options.key_schema_file || options.print_schema;
}

} // namespace

std::optional<MessageTemplate> layout_load(Options *options) {
    const bool own = !options->template_file && options->preset.value_or(own_preset) == own_preset &&
                     !needs_template(*options);
    if (options->replay || own) {
        check_places(*options, false, false);
        return std::nullopt;
    }
    MessageTemplate layout = compile(*options);
    check_places(*options, layout.has_device, layout.has_repeat);
    options->samples = static_cast<uint32_t>(layout.samples);
    if (!options->interval_is_given)
        options->interval = std::max(options->interval, static_cast<double>(layout.resolution) / 1e6);
    check_interval(*options, layout.resolution);
    if (options->reading_seconds() * *options->samples > longest_message)
        throw LayoutError("a message of " + std::to_string(*options->samples) +
                          " readings, with a reading every " + number_text(options->reading_seconds()) +
                          " s, would be longer than " + std::to_string(longest_message) + " s");
    return layout;
}

} // namespace heartbeat::generator
