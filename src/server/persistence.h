// Checks that all tables of the extension keep their rows after a crash. If a crash emptied only some of
// these tables, readings would vanish or be counted twice. transaction.cpp, statement.cpp and
// heartbeat_wake_workers() call it.
#pragma once

namespace heartbeat {

// Call it in a transaction that has already written to a table. Checks the extension that extension_find()
// has found last. Raises an error if a table of the extension, or a partition of such a table, is unlogged.
// As long as no table changes, the function uses the remembered answer.
void persistence_check();

} // namespace heartbeat
