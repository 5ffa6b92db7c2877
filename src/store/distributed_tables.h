// The table layout for Citus: Citus has distributed the tables over several nodes (heartbeat_distribute()).
// module.cpp registers it. Other files call some of its functions even on a server without Citus, where this
// table layout is not in use (see TablesLayout).
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout distributed_tables;

} // namespace heartbeat
