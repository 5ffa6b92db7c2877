// Registers the launcher as a background worker, and defines the argument that the launcher passes to the
// maintenance worker. module.cpp calls launcher_register() when PostgreSQL loads the library.
#pragma once

#include <cstdint>

namespace heartbeat {

// The launcher passes this argument to the maintenance worker. To an ingest worker, the launcher passes the
// worker's number.
inline constexpr int64_t launcher_maintenance = -1;

// Call this function in _PG_init(), while PostgreSQL preloads the library.
void launcher_register();

} // namespace heartbeat
