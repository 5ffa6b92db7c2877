// Checks that no table of the extension is unlogged: a crash empties unlogged tables. If a crash emptied only
// some of the extension's tables, heartbeat would lose readings or count readings twice. transaction.cpp,
// statement.cpp and heartbeat_wake_workers() call persistence_check().
#pragma once

namespace heartbeat {

// Raises an error if a table of the extension, or a table partition of such a table, is unlogged. Call this
// function in a transaction that has already written to a table. The function checks the tables of the
// extension that the last call of extension_find() has found. After a check without an error, the function
// does not look at the tables again until a table definition changes.
void persistence_check();

} // namespace heartbeat
