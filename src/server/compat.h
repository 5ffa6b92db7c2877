// Hides the differences between the supported versions of PostgreSQL. Only this header and compat.cpp test
// PG_VERSION_NUM. All other files of the server's part of heartbeat use the names of this header.
#pragma once

extern "C" {
#include "postgres.h"

#include "access/nbtree.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "parser/parse_node.h"
}

// PostgreSQL 18 and newer show this name and version in pg_get_loaded_modules().
#if PG_VERSION_NUM >= 180000
#define HEARTBEAT_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "heartbeat", .version = HEARTBEAT_VERSION);
#else
#define HEARTBEAT_MODULE_MAGIC PG_MODULE_MAGIC;
#endif

// True for the versions whose B-tree pages leaf_inserts.cpp can write. Before you add a version, compare
// leaf_inserts.cpp with _bt_doinsert() and _bt_insertonpg() of the new version.
#define HEARTBEAT_KNOWS_BTREE (PG_VERSION_NUM < 190000)

namespace heartbeat {

inline constexpr bool has_transaction_timeout = PG_VERSION_NUM >= 170000;

// Makes the server reject an unknown setting with this prefix. PostgreSQL 14 only writes a warning about an
// unknown setting.
void reserve_settings(const char *prefix);

// Call this function in _PG_init(). The function calls `request` when the server allows requests for shared
// memory.
void when_memory_is_requested(void (*request)());

// Returns a wait event. From PostgreSQL 17 on, pg_stat_activity shows the wait event with this name.
uint32 new_wait_event(const char *name);

// Call this function in an SQL function that returns a set. The SQL function must put its rows into setResult
// of the returned struct.
ReturnSetInfo *return_rows(FunctionCallInfo call);

// Copies the parser's range table into the state of an executor without a plan. For an executor that runs a
// plan, the server itself copies the range table.
void init_range_table(EState *estate, ParseState *parse);

// Returns the map that converts a row of a partitioned table to a row of its table partition. Returns nullptr
// if both tables have the same columns.
TupleConversionMap *partition_map(ResultRelInfo *partition, EState *estate);

// Raises an error if the current user may not execute the function.
void require_execute(Oid function);

// Returns true if the role may set the setting with ALTER SYSTEM. PostgreSQL 14 cannot grant this right, so
// in version 14 only superusers have this right.
bool may_alter_system(const char *setting, Oid role);

// Changes the extension's owner in the same way as REASSIGN OWNED.
void change_extension_owner(Oid extension, Oid owner);

// Changes a row of pg_init_privs: the role `after` replaces the role `before`.
void change_initial_rights(Relation catalog, HeapTuple row, Oid before, Oid after);

// Calls walker() for each child of an expression or a query, until a call returns true.
bool walk_children(Node *node, bool (*walker)(Node *, void *), void *context);

#if HEARTBEAT_KNOWS_BTREE
// Finds the leaf page of a B-tree to which the key belongs, and locks the page for writing.
Buffer btree_lock_leaf(Relation index, Relation table, BTScanInsert key);
#endif

// Returns false in PostgreSQL 14.0 to 14.3: there REINDEX CONCURRENTLY can build a corrupt index.
bool index_rebuild_is_safe();

// Runs VACUUM (SKIP_LOCKED, INDEX_CLEANUP on, TRUNCATE off, PARALLEL 0). VACUUM runs several transactions,
// and keeps its data in `context`. So `context` must live longer than these transactions.
void vacuum_tables(List *tables, MemoryContext context);

// Writes the table's rows into a new file, as VACUUM FULL does, and rebuilds the indexes. The new file keeps
// the dead rows that older snapshots still see. Call this function in a transaction that has locked the table
// in ACCESS EXCLUSIVE mode.
void rewrite_table(Oid table);

} // namespace heartbeat
