// The table layout for Citus. heartbeat_distribute() makes Citus distribute the tables over several nodes.
// module.cpp registers this table layout. Other files call some functions of this table layout even on a
// server without Citus: see TablesLayout.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout distributed_tables;

} // namespace heartbeat
