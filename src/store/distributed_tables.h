// Finds whether Citus has distributed the tables over several nodes (heartbeat_distribute()), and changes
// what the workers' transactions do if it has. The store's files, the workers and module.cpp call it.
#pragma once

namespace heartbeat {

// Call it in a transaction; it looks at the extension that extension_find() has found last. It looks each
// time. The answer stays true as long as the caller holds a lock on one of the tables.
bool distribution_is_active();

// True if this server is a worker node of a Citus cluster. Call it in a transaction. Only the coordinator
// ingests.
bool distribution_is_node();
inline constexpr char distribution_node_reason[] = "this server is a node of a Citus cluster";
inline constexpr char distribution_node_hint[] = "The coordinator ingests; DROP EXTENSION heartbeat here.";

// Called at the start of a process. Sets the Citus settings that a worker needs, or does nothing if Citus is
// not loaded.
void distribution_prepare_session();

// Called before the commit of a transaction that has written to the tables. If the tables are distributed,
// the commit waits for the disk: a crash could otherwise lose the commit on this server, but not on the
// nodes.
void distribution_commit_durably();

// Called around the snapshot of a transaction that deletes rows of heartbeat_stale_minutes (the marks). It
// must not see a mark before it sees the readings of that minute, but a batch commits on this server before
// it commits on the nodes. A batch holds a lock on the table of marks until it has committed everywhere.
// distribution_hold_marks() therefore takes a lock that waits for these batches and keeps new ones out while
// the snapshot is taken. distribution_release_marks() ends the transactions that are still prepared on the
// nodes, releases the lock, and limits the transaction to one session for each node, so that each node has
// one snapshot.
// distribution_hold_marks() returns false if the tables are not distributed. Then do not call the other one.
bool distribution_hold_marks();
void distribution_release_marks();

// Called after an error; it uses its own transaction. Ends the transactions that are still prepared on the
// nodes. A batch that is stored again would otherwise wait for the rows of its first attempt.
void distribution_recover();

} // namespace heartbeat
