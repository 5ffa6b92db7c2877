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

// Prepares insertions into `index`, an index of `table`. Returns nullptr if leaf_insert() cannot insert into
// this index. This is the case if HEARTBEAT_KNOWS_BTREE is false, or if a server before version 12 has built
// the index. This is also the case if the index is not a unique B-tree, or if its key is deferrable.
LeafInserts *leaf_inserts_begin(Relation index, Relation table);

// Adds an entry, and returns true. The function can add an entry only by writing to a single leaf page. If
// this is not possible, the function adds nothing and returns false. This is the case, for example, if the
// index already has the key, or if the page has no room for the entry. If the result is false, the caller
// must insert the entry with index_insert(). No column of the entry may be NULL.
//
// After the call, a leaf page can still be locked. So until the caller calls leaf_inserts_release(), the
// caller may use the index only through leaf_insert(), and must not read or write any other page.
bool leaf_insert(LeafInserts *inserts, IndexTuple entry);

// Unlocks the leaf page. Call this function before index_insert(), and after the last entry.
void leaf_inserts_release(LeafInserts *inserts);

} // namespace heartbeat
