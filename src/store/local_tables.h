// The usual layout of the tables: this server has all of their rows. module.cpp registers it.
#pragma once

#include "store/tables.h"

namespace heartbeat {

extern const TablesLayout local_tables;

} // namespace heartbeat
