// Decides when the alert rules are due, and evaluates them. maintenance.cpp calls it.
// It does not know the kinds of rules: heartbeat_evaluate_alerts() does.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

namespace heartbeat {

// Returns the time at which the rules are due: at once after a change of the rules, and a second after the
// last evaluation if readings have arrived and a rule depends on readings. In all other cases it returns
// `due`. The last evaluation has set `due`; 0: only a change of the rules or an arrival makes them due.
TimestampTz alerts_due(TimestampTz due, TimestampTz now);

// Evaluates the rules in a transaction. Returns the microseconds until the next evaluation; 0: only after a
// change of the rules or an arrival.
TimestampTz alerts_evaluate();

} // namespace heartbeat
