// Reads the bounds of a table partition from pg_class.relpartbound. changed.cpp calls this file when a table
// partition is truncated.
#include "server/server.h"

#include "admin/changed_bounds.h"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/syscache.h"
}

namespace heartbeat {

namespace {

// Returns false if the bound is not a single timestamptz, MINVALUE or MAXVALUE.
bool read_bound(const List *bound, TimestampTz infinite, TimestampTz *time) {
    if (list_length(bound) != 1)
        return false;
    const auto *datum = castNode(PartitionRangeDatum, linitial(bound));
    *time = infinite;
    if (datum->kind != PARTITION_RANGE_DATUM_VALUE)
        return true;
    const auto *value = reinterpret_cast<const Const *>(datum->value);
    if (!IsA(value, Const) || value->consttype != TIMESTAMPTZOID || value->constisnull)
        return false;
    *time = DatumGetTimestampTz(value->constvalue);
    return true;
}

} // namespace

void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end) {
    *begin = DT_NOBEGIN;
    *end = DT_NOEND;
    if (!partition->rd_rel->relispartition ||
        get_partition_parent(RelationGetRelid(partition), true) != parent)
        return;
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(partition)));
    if (!HeapTupleIsValid(tuple))
        return;
    bool null;
    Datum stored = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &null);
    const auto *bound =
        null ? nullptr : castNode(PartitionBoundSpec, stringToNode(TextDatumGetCString(stored)));
    ReleaseSysCache(tuple);
    TimestampTz first, last;
    if (bound == nullptr || bound->is_default || bound->strategy != PARTITION_STRATEGY_RANGE ||
        !read_bound(bound->lowerdatums, DT_NOBEGIN, &first) ||
        !read_bound(bound->upperdatums, DT_NOEND, &last))
        return;
    *begin = first;
    *end = last;
}

} // namespace heartbeat
