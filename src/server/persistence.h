// Checks that all tables of the extension keep their rows after a crash. If a crash emptied only some of
// these tables, heartbeat would lose readings or count readings twice. transaction.cpp, statement.cpp and
// heartbeat_wake_workers() call persistence_check().
#pragma once

namespace heartbeat {

// Call this function in a transaction that has already written to a table. The function checks the extension
// that the last call of extension_find() has found. The function raises an error if a table of the extension,
// or a table partition of such a table, is unlogged. If no table definition has changed since the previous
// check, the function uses the result of that check.
void persistence_check();

} // namespace heartbeat
