// Decides when the alert rules are due, and evaluates them. maintenance.cpp calls these functions. Only
// heartbeat_evaluate_alerts() knows the conditions of the rules.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

#include "server/clock.h"

namespace heartbeat {

// Returns the time of the next evaluation of the rules. `due` is the time that the caller has computed after
// the last evaluation; 0: none. After a change of the rules, the next evaluation is due immediately. After an
// arrival of readings, if a rule depends on readings, it is due one second after the last evaluation, or at
// `due` if `due` is earlier. If no rule has changed and no readings have arrived, the function returns `due`.
MonotonicTime alerts_due(MonotonicTime due, MonotonicTime now);

// Evaluates the rules in a transaction. Returns the microseconds until the next evaluation. Returns 0 if only
// a change of the rules or an arrival of readings makes the rules due.
TimestampTz alerts_evaluate();

} // namespace heartbeat
