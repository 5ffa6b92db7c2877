// The table layout for Citus: Citus has distributed the tables over several nodes (heartbeat_distribute()).
// module.cpp registers it. Other files also call its functions on a server without Citus, although this table
// layout is not in use there.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout distributed_tables;

} // namespace heartbeat
