// Remembers whether tables_recover() has succeeded since the last error of the process.
#include "server/server.h"

#include "ingest/recovery.h"
#include "store/tables.h"

namespace heartbeat {

namespace {

bool recovered;

} // namespace

void recovery_tables() {
    if (!recovered)
        tables_recover();
    recovered = true;
}

void recovery_forget() {
    recovered = false;
}

} // namespace heartbeat
