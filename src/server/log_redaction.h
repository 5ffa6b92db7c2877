// Keeps the parameters of statements, which are readings, out of the log. From PostgreSQL 16 on, auto_explain
// logs them by default. process.cpp calls it for the workers, and replay.cpp and retry.cpp for a session.
#pragma once

namespace heartbeat {

// Call it in a worker. It lasts as long as the process.
void log_redaction_hide();

// Call it in a session. It lasts until log_redaction_show() is called with the returned level, or until an
// error ends the transaction.
int log_redaction_hide_for_now();
void log_redaction_show(int level);

} // namespace heartbeat
