// When the maintenance worker is to evaluate the alert rules, and doing so.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

namespace heartbeat {

// When the rules are due, where `due` is what the last evaluation said (0: when something asks for it): at
// once after a change of them, a second after the last evaluation where readings have arrived and a rule
// wants to know.
TimestampTz alerts_due(TimestampTz due, TimestampTz now);

// Evaluates them in a transaction. Returns microseconds until the next time, by the clock; 0: when something
// asks for it.
TimestampTz alerts_evaluate();

} // namespace heartbeat
