// Ends the prepared transactions that remain after an error. worker_sources.cpp and reader_step.cpp call this
// file before their next transaction. This file does not need to know the error.
#pragma once

namespace heartbeat {

// Call this function outside of a transaction. The function calls tables_recover() once after the start of
// the process, and once after each error.
void recovery_tables();

void recovery_forget(); // call this function after an error

} // namespace heartbeat
