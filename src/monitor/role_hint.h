// Adds a warning to heartbeat_status if the workers have more rights than they need. status.cpp calls
// role_hint_append(). The text is only a warning, because the workers can also work with a superuser's
// rights.
#pragma once

#include <cstddef>

namespace heartbeat {

// Call this function in a transaction. If the workers act as a superuser, the function appends a sentence to
// the hint.
void role_hint_append(char *hint, size_t size);

} // namespace heartbeat
