// Ends what an error has left behind, before the process makes its next transaction. worker.cpp and
// reader_step.cpp call it. It does not know which error it was.
#pragma once

namespace heartbeat {

// Call it outside of a transaction. It calls tables_recover() once after each error.
void recovery_tables();

void recovery_forget(); // call it after an error

} // namespace heartbeat
