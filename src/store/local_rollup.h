// The rollup in the usual table layout: this server has all rows of the tables. local_tables.cpp calls this
// file. tables.h describes the functions.
#pragma once

#include "store/tables.h"

namespace heartbeat {

RollupFold local_rollup_fold();
int64_t local_rollup_rebuild(const Datum *minutes);

} // namespace heartbeat
