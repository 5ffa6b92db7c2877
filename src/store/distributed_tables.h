// The table layout for Citus: Citus has distributed the tables over several nodes (heartbeat_distribute()).
// module.cpp registers it. On a server without Citus its functions can be called too, but this table layout
// is not in use.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout distributed_tables;

} // namespace heartbeat
