// Generator: loads the layout of the messages of a run: heartbeat's own layout, or a template. This code
// compiles the template, and checks whether the layout allows the options. run.cpp calls this code.
#pragma once

#include "message_template.h"
#include "options.h"

#include <optional>
#include <stdexcept>

namespace heartbeat::generator {

// An error in the user's options. For example, the layout does not allow an option, or the template's file
// cannot be read. what() is a text for the user.
struct LayoutError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Returns the template of the run. Returns no value for --replay, and for heartbeat's own layout as JSON.
// With a template the function sets options->samples to the number of readings in a message. A template can
// write times in steps, for example in whole seconds. If the user gives no --interval, and a step is longer
// than the default interval, the function sets the interval to one step. Throws LayoutError and
// TemplateError.
std::optional<MessageTemplate> layout_load(Options *options);

} // namespace heartbeat::generator
