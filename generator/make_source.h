// Generator: makes the source of a run's messages: a replay, heartbeat's own layout, or a template. run.cpp
// calls this code.
#pragma once

#include "encoding.h"
#include "message.h"
#include "message_template.h"
#include "options.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace heartbeat::generator {

// If `layout` has no value, the messages are the lines of the file of --replay. Without --replay, they have
// heartbeat's own layout.
std::unique_ptr<Source> make_source(const Options &options, std::optional<MessageTemplate> layout,
                                    MessageEncoding encoding, uint64_t seed);

} // namespace heartbeat::generator
