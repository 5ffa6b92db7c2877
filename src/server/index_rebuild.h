// Changes and rebuilds an index with the rights of the current user, but without an SQL statement. So no
// event trigger of a user runs. src/maintenance calls these functions. These functions work for any index.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Waits until all transactions that now have a snapshot in this database have ended. Waits for each
// transaction at most for lock_timeout. Does not wait for VACUUM and autovacuum. Call this function in a
// transaction.
void index_wait_for_snapshots();

// Sets the storage parameter `fillfactor`. The next rebuild of the index fills the pages to this percentage.
// Call this function in a transaction.
void index_set_fillfactor(Oid index, int percent);

// Drops an invalid index that an interrupted rebuild has left. Call this function in a transaction. The
// function locks the table of the index, so no other session can use this table until the transaction ends.
// Does not drop the index if another session has rebuilt it while the function waited for this lock.
void index_drop_invalid(Oid index);

// Rebuilds the index, while other sessions read and write the table. Call this function outside of a
// transaction. The function runs several transactions. If it fails, an invalid index can remain. The rebuilt
// index has the same name, but another oid.
void index_rebuild(Oid index);

} // namespace heartbeat
