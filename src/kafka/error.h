// The text of an error, which callers of src/kafka show to a person. Error is trivially destructible, so a
// frame that calls the server can hold one.
#pragma once

namespace heartbeat {

// What went wrong, for a person: what was found, and what to do. It never has the value of a property, which
// may be a secret.
struct Error {
    char text[384];
};

} // namespace heartbeat
