// A warning for heartbeat_status where the workers have more rights than they need.
#pragma once

#include <cstddef>

namespace heartbeat {

// In a transaction: appends a sentence to the hint where the workers act as a superuser.
void role_hint_append(char *hint, size_t size);

} // namespace heartbeat
