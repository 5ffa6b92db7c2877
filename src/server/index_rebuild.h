// Changes and rebuilds an index as the user of the process, without a statement of SQL. So no event trigger
// of a user runs. src/maintenance calls these functions. This file does not depend on which index is rebuilt.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Waits until each transaction of this database that has a snapshot now has ended. Waits for each of these
// transactions at most as long as lock_timeout allows. Call this function in a transaction.
void index_wait_for_snapshots();

// Sets the storage parameter `fillfactor`. The next rebuild of the index obeys it. Call this function in a
// transaction.
void index_set_fillfactor(Oid index, int percent);

// Drops an invalid index that an interrupted rebuild has left. Call this function in a transaction. No other
// session can use the table until the transaction ends.
void index_drop(Oid index);

// Rebuilds the index, while other sessions read and write the table. Call this function outside of a
// transaction. The function runs several transactions. If it fails, an invalid index can remain. The rebuilt
// index has the same name, but another oid.
void index_rebuild(Oid index);

} // namespace heartbeat
