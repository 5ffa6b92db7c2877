// The layout in which Citus has distributed the tables over several nodes (heartbeat_distribute()).
// module.cpp registers it. It works, and is not in use, on a server without Citus.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout distributed_tables;

} // namespace heartbeat
