// Keeps the parameters of statements, which are readings, out of the log. From PostgreSQL 16
// on, auto_explain writes them there, unless it is told not to.
#pragma once

namespace heartbeat {

// In a worker, for good.
void log_redaction_hide();

// In a session, until log_redaction_show() is given what this returns, or an error ends it.
int log_redaction_hide_for_now();
void log_redaction_show(int level);

} // namespace heartbeat
