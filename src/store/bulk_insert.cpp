// Finds the table partition of each row, and writes the rows with their index entries. Writes several hundred
// rows at a time. This file has no code for readings or batches: the caller's put_row() returns the values of
// each row.
#include "server/server.h"

#include "server/compat.h"
#include "store/bulk_insert.h"
#include "store/bulk_insert_checks.h"
#include "store/bulk_insert_defaults.h"
#include "store/bulk_insert_indexes.h"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/execPartition.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "partitioning/partdesc.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
}

namespace heartbeat {

namespace {

// The number of rows that store_partition() writes together. This number of rows fills several pages.
constexpr int chunk_rows = 500;

struct Load {
    Relation table;
    const BulkInsertSource *source;
    int columns[load_columns_max]; // for each column of `source`: the table's column, counted from 0
    int time_column;               // the column of `source` that is the partition key of the table
    BulkInsertDefaults defaults;
    EState *estate;
    ModifyTableState *modify;
    PartitionTupleRouting *routing;
    TupleTableSlot *parent_row;
    Datum *values;                // the values of `source`, row by row
    ResultRelInfo **partition_of; // the table partition of each row; nullptr after the row was stored

    Datum *at(size_t row) const { return values + row * static_cast<size_t>(source->columns); }
};

bool find_columns(Load *load) {
    for (int i = 0; i < load->source->columns; i++) {
        AttrNumber number = get_attnum(RelationGetRelid(load->table), load->source->names[i]);
        if (number == InvalidAttrNumber ||
            get_atttype(RelationGetRelid(load->table), number) != load->source->types[i])
            return false;
        load->columns[i] = number - 1;
    }
    return true;
}

// Makes an executor without a plan, as COPY does. The server's functions need an executor to route rows to
// table partitions, and to show a row in an error.
void begin(Load *load) {
    load->estate = CreateExecutorState();
    MemoryContext before = MemoryContextSwitchTo(load->estate->es_query_cxt);
    ParseState *parse = make_parsestate(nullptr);
    addRangeTableEntryForRelation(parse, load->table, RowExclusiveLock, nullptr, false, false);
    init_range_table(load->estate, parse);
    auto *root = makeNode(ResultRelInfo);
    ExecInitResultRelation(load->estate, root, 1);
    load->modify = makeNode(ModifyTableState);
    load->modify->ps.state = load->estate;
    load->modify->operation = CMD_INSERT;
    load->modify->mt_nrels = 1;
    load->modify->resultRelInfo = load->modify->rootResultRelInfo = root;
    load->routing = ExecSetupPartitionTupleRouting(load->estate, load->table);
    load->parent_row = table_slot_create(load->table, &load->estate->es_tupleTable);
    load->partition_of = static_cast<ResultRelInfo **>(palloc(sizeof(ResultRelInfo *) * load->source->rows));
    load->defaults =
        bulk_insert_defaults_find(load->table, load->columns, load->source->columns, load->estate);
    load->values = static_cast<Datum *>(
        palloc(sizeof(Datum) * load->source->rows * static_cast<size_t>(load->source->columns)));
    for (size_t row = 0; row < load->source->rows; row++)
        load->source->put_row(load->source->argument, row, load->at(row));
    MemoryContextSwitchTo(before);
}

void end(Load *load) {
    ExecResetTupleTable(load->estate->es_tupleTable, false);
    ExecCleanupTupleRouting(load->modify, load->routing);
    ExecCloseResultRelations(load->estate);
    ExecCloseRangeTableRelations(load->estate);
    FreeExecutorState(load->estate);
    CommandCounterIncrement(); // makes the rows visible to the next command
}

// Copies the values from put_row() into their columns, and sets all other columns to NULL.
void put_given(const Load *load, size_t row, TupleTableSlot *slot) {
    const Datum *values = load->at(row);
    ExecClearTuple(slot);
    memset(slot->tts_isnull, true, static_cast<size_t>(slot->tts_tupleDescriptor->natts));
    for (int i = 0; i < load->source->columns; i++) {
        slot->tts_values[load->columns[i]] = values[i];
        slot->tts_isnull[load->columns[i]] = false;
    }
}

ResultRelInfo *find_partition(Load *load, size_t row) {
    put_given(load, row, load->parent_row);
    ExecStoreVirtualTuple(load->parent_row);
    return ExecFindPartition(load->modify, load->modify->rootResultRelInfo, load->routing, load->parent_row,
                             load->estate);
}

// Returns true and sets load->time_column if the time of a row is enough to find the row's table partition.
// The time is not enough if a table partition has partitions of its own. Their partition key can be any
// column, even a column that put_row() does not set. The executor's partition directory keeps `partitions`
// valid until the bulk insert ends.
bool routes_by_time(Load *load) {
    PartitionKey key = RelationGetPartitionKey(load->table);
    PartitionDesc partitions = PartitionDirectoryLookup(load->estate->es_partition_directory, load->table);
    if (key->strategy != PARTITION_STRATEGY_RANGE || key->partnatts != 1 ||
        key->parttypid[0] != TIMESTAMPTZOID || key->partsupfunc[0].fn_oid != F_TIMESTAMPTZ_CMP ||
        !std::all_of(partitions->is_leaf, partitions->is_leaf + partitions->nparts,
                     [](bool leaf) { return leaf; }))
        return false;
    const int *end = load->columns + load->source->columns;
    auto column = std::find<const int *>(load->columns, end, key->partattrs[0] - 1);
    load->time_column = static_cast<int>(column - load->columns);
    return column != end;
}

// Returns the table partition that holds all rows. Returns nullptr if the rows belong to several table
// partitions, or if the function cannot decide this. Looks only at the earliest and the latest row. If both
// rows belong to the same table partition, all other rows belong to it too, because a table partition has one
// range of times. This is not true for the default partition.
ResultRelInfo *find_common_partition(Load *load) {
    auto time_of = [=](size_t row) { return DatumGetTimestampTz(load->at(row)[load->time_column]); };
    size_t earliest = 0, latest = 0;
    for (size_t row = 1; row < load->source->rows; row++) {
        if (time_of(row) < time_of(earliest))
            earliest = row;
        if (time_of(row) > time_of(latest))
            latest = row;
    }
    ResultRelInfo *partition = find_partition(load, earliest);
    Oid holed = get_default_partition_oid(RelationGetRelid(load->table));
    return partition == find_partition(load, latest) && RelationGetRelid(partition->ri_RelationDesc) != holed
               ? partition
               : nullptr;
}

// Finds and checks the table partition of each row. Call this function before store_partition() stores the
// first row.
bool route(Load *load) {
    ResultRelInfo *common = find_common_partition(load);
    const ResultRelInfo *last = nullptr;
    for (size_t row = 0; row < load->source->rows; row++) {
        ResultRelInfo *partition = common != nullptr ? common : find_partition(load, row);
        if (partition != last && !bulk_insert_suits_partition(partition, load->estate))
            return false;
        last = load->partition_of[row] = partition;
    }
    return true;
}

// Stores all rows that belong to the same table partition as the row `first`, and sets partition_of of these
// rows to nullptr.
void store_partition(Load *load, size_t first) {
    ResultRelInfo *partition = load->partition_of[first];
    Relation table = partition->ri_RelationDesc;
    bool constrained = RelationGetDescr(table)->constr != nullptr;
    BulkInsertState bulk = GetBulkInsertState();
    TupleTableSlot *slots[chunk_rows] = {};
    int count = 0;
    for (size_t row = first; row < load->source->rows; row++) {
        if (load->partition_of[row] != partition)
            continue;
        load->partition_of[row] = nullptr;
        if (slots[count] == nullptr)
            slots[count] = table_slot_create(table, &load->estate->es_tupleTable);
        TupleTableSlot *slot = slots[count++];
        put_given(load, row, slot);
        bulk_insert_defaults_put(load->defaults, load->estate, slot);
        ExecStoreVirtualTuple(slot);
        if (constrained)
            ExecConstraints(partition, slot, load->estate);
        if (count == chunk_rows) {
            bulk_insert_flush(partition, load->estate, slots, count, bulk);
            count = 0;
        }
    }
    if (count > 0)
        bulk_insert_flush(partition, load->estate, slots, count, bulk);
    FreeBulkInsertState(bulk);
    table_finish_bulk_insert(table, 0);
}

} // namespace

void bulk_insert_flush(ResultRelInfo *table, EState *estate, TupleTableSlot **rows, int count,
                       BulkInsertStateData *bulk) {
    MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
    table_multi_insert(table->ri_RelationDesc, rows, count, GetCurrentCommandId(true), 0, bulk);
    bulk_insert_indexes_add(table, estate, rows, count);
    MemoryContextSwitchTo(before);
    for (int i = 0; i < count; i++)
        ExecClearTuple(rows[i]);
    ResetPerTupleExprContext(estate);
}

bool bulk_insert_rows(Relation table, const BulkInsertSource &source) {
    Load load = {};
    load.table = table;
    load.source = &source;
    if (!bulk_insert_suits_table(table) || !find_columns(&load))
        return false;
    begin(&load);
    bool plain = routes_by_time(&load) && route(&load);
    for (size_t row = 0; plain && row < source.rows; row++)
        if (load.partition_of[row] != nullptr)
            store_partition(&load, row);
    end(&load);
    return plain;
}

} // namespace heartbeat
