// The rollup in the table layout for Citus. In this table layout, Citus has distributed the tables.
// distributed_tables.cpp calls this file. tables.h describes the functions.
#pragma once

#include "store/tables.h"

namespace heartbeat {

RollupFold distributed_rollup_fold();
int64_t distributed_rollup_rebuild(const Datum *minutes);

} // namespace heartbeat
