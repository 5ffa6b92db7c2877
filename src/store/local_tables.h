// The usual table layout: this server has all rows of the tables. module.cpp registers this table layout.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout local_tables;

} // namespace heartbeat
