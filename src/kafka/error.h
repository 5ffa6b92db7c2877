// The text of an error, which callers of src/kafka show to a person. PostgreSQL's ereport(ERROR) skips
// destructors. Error has no destructor, so a function that calls the server may have an Error as a variable.
#pragma once

namespace heartbeat {

// An error for a person. The text describes the fault and what the person can do. The text never has a value
// of the user's properties file, because the value can be a secret.
struct Error {
    char text[384];
};

} // namespace heartbeat
