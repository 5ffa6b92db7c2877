// The text of an error, which callers of src/kafka show to a person. Error is trivially destructible, so a
// function that calls the server can have a local Error: the server's errors skip destructors.
#pragma once

namespace heartbeat {

// An error for a person. The text describes the fault and what the person can do. The text never has the
// value of a property, because the value can be a secret.
struct Error {
    char text[384];
};

} // namespace heartbeat
