// Packs old weeks: rebuilds the primary keys of their readings, so that the pages of the keys are full. A
// process of its own does this work, because the rebuild of a large key takes minutes, and the other duties
// of the maintenance worker must not wait. maintenance.cpp starts the process.
#pragma once

namespace heartbeat {

// Starts the process that packs old weeks, if no such process runs. The process packs one key after the
// other, and ends when no key is left. If PostgreSQL cannot start the process, heartbeat_maintenance shows
// this failure.
void packing_start();

} // namespace heartbeat
