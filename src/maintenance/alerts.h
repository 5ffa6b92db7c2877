// Decides when the alert rules are due, and evaluates them. maintenance.cpp calls these functions. Only
// heartbeat_evaluate_alerts() knows the conditions of the rules.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

#include "server/clock.h"

namespace heartbeat {

// Returns the time at which the rules are due. After a change of the rules, the rules are due immediately. If
// readings have arrived and a rule depends on readings, the rules are due at `due` or one second after the
// last evaluation, whichever is earlier. In all other cases the function returns `due`, the time that the
// caller has computed after the last evaluation. If `due` is 0, only a change of the rules or an arrival of
// readings makes the rules due.
MonotonicTime alerts_due(MonotonicTime due, MonotonicTime now);

// Evaluates the rules in a transaction. Returns the microseconds until the next evaluation. Returns 0 if only
// a change of the rules or an arrival of readings makes the rules due.
TimestampTz alerts_evaluate();

} // namespace heartbeat
