// The launcher and what it tells the processes that it starts.
#pragma once

#include <cstdint>

namespace heartbeat {

inline constexpr int64_t launcher_maintenance =
    -1; // the argument of the maintenance worker; others have their number

void launcher_register(); // in _PG_init, while preloading

} // namespace heartbeat
