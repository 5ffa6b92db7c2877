// The text of a failure, which callers of src/kafka show to a person. It is trivially destructible, so a
// frame that calls the server can hold one.
#pragma once

namespace heartbeat {

// What went wrong, for a person: what was found, and what to do. Never holds a property's value, which may be
// a secret.
struct Error {
    char text[384];
};

} // namespace heartbeat
