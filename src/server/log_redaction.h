// Hides the parameters of statements from the log, because the parameters are readings. From PostgreSQL 16
// on, auto_explain logs parameters by default. process.cpp calls log_redaction_hide() for the workers.
// replay.cpp and retry.cpp call log_redaction_hide_for_now() for a session.
#pragma once

namespace heartbeat {

// Call this function in a worker. The function hides the parameters as long as the process runs.
void log_redaction_hide();

// Call this function in a session. The function hides the parameters until the session calls
// log_redaction_show() with the returned level, or until an error ends the transaction.
int log_redaction_hide_for_now();
void log_redaction_show(int level);

} // namespace heartbeat
