// Whether a crash would leave all of the extension's tables their rows. They belong together: a
// table that loses its rows alone would make readings vanish, or count twice.
#pragma once

namespace heartbeat {

// In a transaction, after it has written, of the extension that was found last: an error where a table of the
// extension, or a partition of one, is unlogged. Costs nothing while no table changes.
void persistence_check();

} // namespace heartbeat
