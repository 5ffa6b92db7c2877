// Lets a function act as the extension's owner. A function that changes sources or schemas checks the rights
// of its caller first, and then calls acting_owner_enter(). sources.cpp, schemas.cpp and schema_session.cpp
// call this file.
#pragma once

extern "C" {
#include "postgres.h"

#include "executor/spi.h"
}

namespace heartbeat {

// The values that acting_owner_leave() restores. After an error PostgreSQL itself restores these values.
struct ActingOwner {
    Oid caller;
    int security;
    int settings;
    SPITupleTable *rows; // SPI's rows of the last statement before acting_owner_enter()
    uint64 row_count;
};

// Connects to SPI. Raises an error if the extension is not in this database.
ActingOwner acting_owner_enter();
void acting_owner_leave(const ActingOwner &acting);

} // namespace heartbeat
