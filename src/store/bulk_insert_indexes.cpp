// Fills the indexes of a table one after the other: all rows of a chunk go into the first index, then into
// the next index. So the pages of an index stay in the processor's caches. bulk_insert.cpp calls this file
// after it has written the rows.
#include "server/server.h"

#include "store/bulk_insert_indexes.h"
#include "store/leaf_inserts.h"

extern "C" {
#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/rel.h"
}

namespace heartbeat {

namespace {

struct Index {
    Relation relation;
    IndexInfo *info;
    Relation table;
    EState *estate;
    IndexUniqueCheck unique;
};

void insert(const Index &index, TupleTableSlot *row) {
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    ExprContext *context = GetPerTupleExprContext(index.estate);
    context->ecxt_scantuple = row;
    if (index.info->ii_Predicate != NIL) {
        if (index.info->ii_PredicateState == nullptr)
            index.info->ii_PredicateState = ExecPrepareQual(index.info->ii_Predicate, index.estate);
        if (!ExecQual(index.info->ii_PredicateState, context))
            return;
    }
    FormIndexDatum(index.info, row, index.estate, values, nulls);
    index_insert(index.relation, values, nulls, &row->tts_tid, index.table, index.unique, false, index.info);
}

// Returns true if the index is like heartbeat's own index on event_timestamp: a BRIN index with the minmax
// operator class on one timestamp column.
bool keeps_extremes(const Index &index) {
    if (index.relation->rd_rel->relam != BRIN_AM_OID || index.info->ii_NumIndexAttrs != 1 ||
        index.info->ii_IndexAttrNumbers[0] <= 0 || index.info->ii_Predicate != NIL ||
        index.relation->rd_opcintype[0] != TIMESTAMPTZOID)
        return false;
    List *name = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("datetime_minmax_ops")));
    return index.relation->rd_opfamily[0] == get_opfamily_oid(BRIN_AM_OID, name, false);
}

// Inserts only the earliest and the latest row of each page, and each row whose time is NULL. `index` needs
// no other row, because a BRIN index with minmax stores only the earliest and the latest time of a range of
// pages.
void insert_extremes(const Index &index, TupleTableSlot **rows, int count) {
    for (int first = 0, next; first < count; first = next) {
        TupleTableSlot *earliest = nullptr, *latest = nullptr;
        TimestampTz low = 0, high = 0;
        for (next = first; next < count && ItemPointerGetBlockNumber(&rows[next]->tts_tid) ==
                                               ItemPointerGetBlockNumber(&rows[first]->tts_tid);
             next++) {
            bool null;
            TimestampTz time =
                DatumGetTimestampTz(slot_getattr(rows[next], index.info->ii_IndexAttrNumbers[0], &null));
            if (null)
                insert(index, rows[next]);
            if (!null && (earliest == nullptr || time < low))
                low = time, earliest = rows[next];
            if (!null && (latest == nullptr || time > high))
                high = time, latest = rows[next];
        }
        if (earliest != nullptr)
            insert(index, earliest);
        if (latest != earliest)
            insert(index, latest);
    }
}

// Returns the entry of the row, or nullptr if a column of the entry is NULL.
IndexTuple form_entry(const Index &index, TupleTableSlot *row) {
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    FormIndexDatum(index.info, row, index.estate, values, nulls);
    if (std::any_of(nulls, nulls + index.info->ii_NumIndexAttrs, [](bool null) { return null; }))
        return nullptr;
    IndexTuple entry = index_form_tuple(RelationGetDescr(index.relation), values, nulls);
    entry->t_tid = row->tts_tid;
    return entry;
}

// Inserts into a unique B-tree. Forms all entries before it locks a leaf page. Forming an entry can read a
// page, and while a leaf page is locked, the process must not read another page.
void insert_by_leaf(const Index &index, LeafInserts *leaves, TupleTableSlot **rows, int count) {
    auto *entries = static_cast<IndexTuple *>(palloc(sizeof(IndexTuple) * static_cast<size_t>(count)));
    for (int row = 0; row < count; row++)
        entries[row] = form_entry(index, rows[row]);
    for (int row = 0; row < count; row++)
        if (entries[row] == nullptr || !leaf_insert(leaves, entries[row])) {
            leaf_inserts_release(leaves);
            insert(index, rows[row]);
        }
    leaf_inserts_release(leaves);
}

} // namespace

void bulk_insert_indexes_add(ResultRelInfo *partition, EState *estate, TupleTableSlot **rows, int count) {
    for (int i = 0; i < partition->ri_NumIndices; i++) {
        Relation relation = partition->ri_IndexRelationDescs[i];
        Index index = {relation, partition->ri_IndexRelationInfo[i], partition->ri_RelationDesc, estate,
                       relation->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO};
        if (!index.info->ii_ReadyForInserts)
            continue;
        if (keeps_extremes(index)) {
            insert_extremes(index, rows, count);
            continue;
        }
        bool plain = index.info->ii_Predicate == NIL && index.info->ii_Expressions == NIL;
        LeafInserts *leaves = plain ? leaf_inserts_begin(relation, index.table) : nullptr;
        if (leaves != nullptr)
            insert_by_leaf(index, leaves, rows, count);
        else
            for (int row = 0; row < count; row++)
                insert(index, rows[row]);
    }
}

} // namespace heartbeat
