// Telling the workers that a session has changed something.
#pragma once

namespace heartbeat {

// When the current transaction commits, and only then, every worker looks at heartbeat_control,
// heartbeat_offsets and heartbeat_stale_minutes again. Such a transaction cannot be prepared for a two-phase
// commit.
void commit_hooks_wake();

// The same for the maintenance worker alone: readings were stored, and minutes are stale. Ingest is not
// disturbed.
void commit_hooks_roll_up();

// The same where the transaction may be prepared for a two-phase commit: then the maintenance worker finds
// the minutes the next time it looks.
void commit_hooks_roll_up_later();

} // namespace heartbeat
