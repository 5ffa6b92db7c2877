// Warns in heartbeat_status that the workers have more rights than they need. status.cpp calls it. The text
// is only a warning, because the workers can also do their work as a superuser.
#pragma once

#include <cstddef>

namespace heartbeat {

// Call it in a transaction. Appends a sentence to the hint if the workers act as a superuser.
void role_hint_append(char *hint, size_t size);

} // namespace heartbeat
