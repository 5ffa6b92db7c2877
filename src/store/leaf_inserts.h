// Adds entries in ascending key order to a unique B-tree index. After one search of the tree, this file can
// add up to 64 consecutive entries to a leaf page. bulk_insert_indexes.cpp calls this file for the primary
// key of a table partition.
#pragma once

extern "C" {
#include "postgres.h"

#include "access/itup.h"
#include "utils/relcache.h"
}

namespace heartbeat {

struct LeafInserts;

// Prepares insertions into `index`, an index of `table`. Returns nullptr if the index is not a unique B-tree,
// if its key is deferrable, or if a server before version 12 has built the index. Also returns nullptr if
// HEARTBEAT_KNOWS_BTREE is false.
LeafInserts *leaf_inserts_begin(Relation index, Relation table);

// Adds an entry by writing to one leaf page, and returns true. If this is not possible, adds nothing and
// returns false: for example, the page has no room, or the index already has the key. The caller must then
// insert the entry with index_insert(). No column of the entry may be NULL.
//
// After the call, a leaf page can still be locked. Until leaf_inserts_release(), the caller may use the index
// only through leaf_insert(), and must not read or write any other page.
bool leaf_insert(LeafInserts *inserts, IndexTuple entry);

// Unlocks the leaf page. Call this function before index_insert(), and after the last entry.
void leaf_inserts_release(LeafInserts *inserts);

} // namespace heartbeat
