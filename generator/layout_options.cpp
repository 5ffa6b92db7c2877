// Generator, options: adds the options of the layout of messages.
#include "layout_options.h"

#include "option_checks.h"
#include "template_presets.h"
#include "template_repeat.h"

namespace heartbeat::generator {

namespace {

constexpr uint32_t most_devices = 1000; // the largest number of devices of one customer

} // namespace

void add_layout_options(CLI::App *app, Options *options, bool *print_template) {
    const char *group = "Layout of the messages";
    CLI::Option *preset = app->add_option("--preset", options->preset,
                                          "publish messages in the layout with this name: " + preset_names() +
                                              ". Without this option: heartbeat's own layout")
                              ->check(check_preset())
                              ->type_name("NAME")
                              ->group(group);
    CLI::Option *file =
        app->add_option(
               "--template", options->template_file,
               "publish messages in the layout of this file: a JSON template with placeholders such as "
               "\"${customer_id}\", \"${heart_rate}\" and \"${time:ms}\". docs/generator.md describes it")
            ->excludes(preset)
            ->type_name("FILE")
            ->group(group);
    app->add_flag("--print-template", *print_template,
                  "print the template of --preset, and end. You can change it to a template of your own")
        ->check(check_switch())
        ->excludes(file)
        ->group(group);
    app->add_option("--devices", options->devices,
                    "number of devices of each customer; the layout must have a place for a device")
        ->check(check_integer(1, most_devices))
        ->type_name("NUMBER")
        ->group(group);
    app->add_option("--samples", options->samples,
                    "number of readings in a message; the layout must have an array. Without this option: "
                    "the number in the layout")
        ->check(check_integer(1, most_samples))
        ->type_name("NUMBER")
        ->group(group);
}

} // namespace heartbeat::generator
