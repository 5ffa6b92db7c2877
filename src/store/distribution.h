// Whether Citus has spread the tables over several nodes (heartbeat_distribute), and what
// follows from it for the workers.
#pragma once

namespace heartbeat {

// In a transaction, of the extension that was found last. Asked anew for each use: who has opened a table
// with a lock knows the answer for as long as it holds it.
bool distribution_is_active();

// In a transaction: this server is a node of somebody else's cluster. The coordinator ingests.
bool distribution_is_node();
inline constexpr char distribution_node_reason[] = "this server is a node of a Citus cluster";
inline constexpr char distribution_node_hint[] = "The coordinator ingests; DROP EXTENSION heartbeat here.";

// At the start of a process: settings of Citus's that a worker wants. Nothing where Citus is not loaded.
void distribution_prepare_session();

// Before the commit of a transaction that has written to the tables: where they are distributed, it is not to
// be forgotten by a crash, since the nodes' part of it would not be.
void distribution_commit_durably();

// A transaction that takes marks away (of minutes whose rollup is to be made from the readings) must not see
// one before its readings: a batch commits here before it does on the nodes. Whoever writes a mark holds a
// lock until it has committed everywhere, so for the moment in which the snapshot is taken nobody may.
// distribution_release_marks ends what was left prepared, gives the lock back, and has one session a node
// used from then on, so that each node has one snapshot, too.
bool distribution_hold_marks(); // false: the tables are not distributed, and there is nothing to release
void distribution_release_marks();

// After an error, in a transaction of its own: ends what transactions have left prepared on the nodes. Until
// then a batch that is stored again waits for its own rows.
void distribution_recover();

} // namespace heartbeat
