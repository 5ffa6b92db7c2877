// index_insert() searches the tree from its root for each entry. But if a caller inserts entries in key
// order, consecutive entries often belong to the same leaf page. So this file searches the tree only for the
// first entry of a leaf page, keeps the page locked, and adds the next entries without another search. This
// file writes the same data as index_insert() to the page and to the WAL, so the server's own code can replay
// the WAL.
//
// leaf_insert() writes to a leaf page only if the page has room for the entry, and no entry on the page has
// the same key. In all other cases leaf_insert() returns false, for example if the page must be split.
#include "server/server.h"

#include "server/compat.h"
#include "store/leaf_inserts.h"

extern "C" {
#include "access/nbtree.h"
#include "access/nbtxlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/rel.h"
}

namespace heartbeat {

#if HEARTBEAT_KNOWS_BTREE

struct LeafInserts {
    Relation index;
    Relation table;
    BTScanInsert key;  // the key of the entry that leaf_insert() inserts
    Buffer leaf;       // InvalidBuffer: no page is locked
    OffsetNumber last; // the place of the last inserted entry on the page
    int entries;       // the number of entries that were inserted since the page was locked
};

namespace {

// leaf_insert() adds only entries up to this size: 1024 bytes with the usual page size. The server accepts
// entries up to a third of a page. The entries of heartbeat's own keys are usually much smaller.
constexpr Size entry_size_max = BLCKSZ / 8;
// After this number of entries leaf_insert() unlocks the page. Then waiting sessions can use the page.
constexpr int entries_max = 64;

void set_key(LeafInserts *inserts, IndexTuple entry) {
    if (inserts->key == nullptr)
        inserts->key = _bt_mkscankey(inserts->index, entry);
    for (int i = 0; i < inserts->key->keysz; i++) {
        bool null;
        inserts->key->scankeys[i].sk_argument =
            index_getattr(entry, i + 1, RelationGetDescr(inserts->index), &null);
    }
    // compare only the keys, and not the rows to which the entries point
    inserts->key->scantid = nullptr;
}

int compare(const LeafInserts *inserts, OffsetNumber place) {
    return _bt_compare(inserts->index, inserts->key, BufferGetPage(inserts->leaf), place);
}

// Returns true if the key is less than each key on the pages to the right.
bool below_next_page(const LeafInserts *inserts) {
    auto *special = reinterpret_cast<BTPageOpaque>(PageGetSpecialPointer(BufferGetPage(inserts->leaf)));
    return P_RIGHTMOST(special) || compare(inserts, P_HIKEY) < 0;
}

// Finds the leaf page of the key and locks it. Returns false if leaf_insert() must not add an entry to this
// page. The page stays locked in both cases.
bool lock_leaf(LeafInserts *inserts) {
    inserts->leaf = btree_lock_leaf(inserts->index, inserts->table, inserts->key);
    auto *special = reinterpret_cast<BTPageOpaque>(PageGetSpecialPointer(BufferGetPage(inserts->leaf)));
    inserts->last = P_FIRSTDATAKEY(special) - 1;
    inserts->entries = 0;
    return P_ISLEAF(special) && !P_IGNORE(special) && !P_INCOMPLETE_SPLIT(special);
}

// Returns the place of the first entry with a greater key than `inserts->key`. Returns InvalidOffsetNumber if
// an entry already has this key. Searches only after the place `last`, because the caller knows that all
// entries up to `last` have smaller keys.
OffsetNumber find_place(const LeafInserts *inserts, OffsetNumber last) {
    OffsetNumber low = OffsetNumberNext(last);
    OffsetNumber high = OffsetNumberNext(PageGetMaxOffsetNumber(BufferGetPage(inserts->leaf)));
    // the new entry often belongs directly after the last inserted entry, so look at that place first
    for (OffsetNumber middle = low; low < high; middle = static_cast<OffsetNumber>(low + (high - low) / 2)) {
        int order = compare(inserts, middle);
        if (order == 0)
            return InvalidOffsetNumber;
        if (order > 0)
            low = OffsetNumberNext(middle);
        else
            high = middle;
    }
    return low;
}

void add(LeafInserts *inserts, IndexTuple entry, Size size, OffsetNumber place) {
    Page page = BufferGetPage(inserts->leaf);
    CheckForSerializableConflictIn(inserts->index, nullptr, BufferGetBlockNumber(inserts->leaf));
    START_CRIT_SECTION();
    if (PageAddItem(page, reinterpret_cast<Item>(entry), size, place, false, false) == InvalidOffsetNumber)
        elog(PANIC, "could not add an entry to a page of index \"%s\"",
             RelationGetRelationName(inserts->index));
    MarkBufferDirty(inserts->leaf);
    if (RelationNeedsWAL(inserts->index)) {
        xl_btree_insert record = {place};
        XLogBeginInsert();
        XLogRegisterData(reinterpret_cast<char *>(&record), SizeOfBtreeInsert);
        XLogRegisterBuffer(0, inserts->leaf, REGBUF_STANDARD);
        XLogRegisterBufData(0, reinterpret_cast<char *>(entry), static_cast<int>(IndexTupleSize(entry)));
        // Do not pass XLogInsert() to PageSetLSN() directly. Before PostgreSQL 16, PageSetLSN() is a macro
        // that evaluates this argument twice, so XLogInsert() would run twice.
        XLogRecPtr end = XLogInsert(RM_BTREE_ID, XLOG_BTREE_INSERT_LEAF);
        PageSetLSN(page, end);
    }
    END_CRIT_SECTION();
    inserts->last = place;
    inserts->entries++;
}

} // namespace

LeafInserts *leaf_inserts_begin(Relation index, Relation table) {
    bool heap_key_space = false, all_equal_image = false;
    if (index->rd_rel->relam != BTREE_AM_OID || !index->rd_index->indisunique ||
        !index->rd_index->indimmediate)
        return nullptr;
    _bt_metaversion(index, &heap_key_space, &all_equal_image);
    if (!heap_key_space)
        return nullptr;
    auto *inserts = static_cast<LeafInserts *>(palloc0(sizeof(LeafInserts)));
    inserts->index = index;
    inserts->table = table;
    inserts->leaf = InvalidBuffer;
    return inserts;
}

bool leaf_insert(LeafInserts *inserts, IndexTuple entry) {
    Size size = MAXALIGN(IndexTupleSize(entry));
    if (size > entry_size_max)
        return false;
    set_key(inserts, entry);
    if (BufferIsValid(inserts->leaf) && (inserts->entries == entries_max ||
                                         compare(inserts, inserts->last) <= 0 || !below_next_page(inserts)))
        leaf_inserts_release(inserts);
    if (!BufferIsValid(inserts->leaf) && (!lock_leaf(inserts) || !below_next_page(inserts)))
        return false;
    OffsetNumber place = find_place(inserts, inserts->last);
    if (place == InvalidOffsetNumber || PageGetFreeSpace(BufferGetPage(inserts->leaf)) < size)
        return false;
    add(inserts, entry, size, place);
    return true;
}

void leaf_inserts_release(LeafInserts *inserts) {
    if (BufferIsValid(inserts->leaf))
        _bt_relbuf(inserts->index, inserts->leaf);
    inserts->leaf = InvalidBuffer;
}

#else // index_insert() inserts each entry

LeafInserts *leaf_inserts_begin(Relation, Relation) {
    return nullptr;
}
bool leaf_insert(LeafInserts *, IndexTuple) {
    return false;
}
void leaf_inserts_release(LeafInserts *) {}

#endif

} // namespace heartbeat
