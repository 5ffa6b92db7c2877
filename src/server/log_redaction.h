// Keeps the parameters of statements out of the log, because the parameters are readings. From PostgreSQL 16
// on, auto_explain logs parameters by default. process.cpp calls this file for the workers. replay.cpp and
// retry.cpp call it for a session.
#pragma once

namespace heartbeat {

// Call it in a worker. Hides the parameters as long as the process runs.
void log_redaction_hide();

// Call it in a session. Hides the parameters until the session calls log_redaction_show() with the returned
// level, or until an error ends the transaction.
int log_redaction_hide_for_now();
void log_redaction_show(int level);

} // namespace heartbeat
