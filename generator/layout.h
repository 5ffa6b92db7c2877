// Generator: loads the layout of the messages of a run: heartbeat's own layout, or a template. It compiles
// the template, and checks whether the layout allows the options. run.cpp calls it.
#pragma once

#include "message_template.h"
#include "options.h"

#include <optional>
#include <stdexcept>

namespace heartbeat::generator {

// The error if the layout does not allow the options, or if the template's file cannot be read. what() is a
// text for the user.
struct LayoutError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Returns nothing for heartbeat's own layout and for --replay. With a template it sets options->samples to
// the number of readings in a message. If --interval is missing and the template writes times in steps that
// are longer than the default interval, it sets the interval to the length of a step. Throws LayoutError and
// TemplateError.
std::optional<MessageTemplate> layout_load(Options *options);

} // namespace heartbeat::generator
