// Wakes the workers when the transaction of a session commits, so that the workers read the changed tables
// again. The SQL functions and triggers in admin/ call this file. The workers do not learn which rows have
// changed.
#pragma once

namespace heartbeat {

// Wakes every worker if the current transaction commits. The workers then read heartbeat_control,
// heartbeat_offsets and heartbeat_stale_minutes again. PREPARE TRANSACTION raises an error after this call.
void commit_hooks_wake();

// Wakes only the maintenance worker if the current transaction commits. Call this function after the session
// has stored readings or marked minutes. The function does not wake the ingest workers. PREPARE TRANSACTION
// raises an error after this call.
void commit_hooks_roll_up();

// Does the same as commit_hooks_roll_up(), but allows PREPARE TRANSACTION. COMMIT PREPARED does not wake the
// maintenance worker. So after COMMIT PREPARED, this worker finds the marked minutes only at its next rollup.
void commit_hooks_roll_up_later();

} // namespace heartbeat
