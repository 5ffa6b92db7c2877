// heartbeat_move_rows() copies the rows of one table into another table with the same columns.
// heartbeat_make_partitions() calls heartbeat_move_rows() to move readings from the default partition to the
// table partition of their week. The move fires no trigger of the table, because it stores no new reading.
// Also, a trigger of a user would run with the rights of the extension's owner.
#include "server/server.h"

#include "server/compat.h"
#include "store/bulk_insert.h"

extern "C" {
#include "access/heapam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(heartbeat_move_rows);
}

namespace heartbeat {

namespace {

constexpr int chunk_rows = 500; // this number of rows fills several pages

Relation open_plain_table(Oid oid, LOCKMODE lock) {
    Relation table = try_relation_open(oid, lock);
    if (table == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table with OID %u", oid)));
    if (table->rd_rel->relkind != RELKIND_RELATION)
        ereport(ERROR,
                (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                 errmsg("cannot move rows: \"%s\" is not a plain table", RelationGetRelationName(table))));
    return table;
}

// Only the owner of a table may call heartbeat_move_rows(), because heartbeat_move_rows() ignores triggers,
// row security, foreign keys and exclusion constraints.
void require_owner(Relation table) {
    if (!has_privs_of_role(GetUserId(), table->rd_rel->relowner))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of table %s", RelationGetRelationName(table))));
}

void require_same_columns(Relation source, Relation target) {
    TupleDesc from = RelationGetDescr(source), to = RelationGetDescr(target);
    bool same = from->natts == to->natts;
    for (int i = 0; same && i < from->natts; i++) {
        const FormData_pg_attribute *given = TupleDescAttr(from, i), *taken = TupleDescAttr(to, i);
        same = given->atttypid == taken->atttypid && given->attisdropped == taken->attisdropped &&
               strcmp(NameStr(given->attname), NameStr(taken->attname)) == 0;
    }
    if (!same)
        ereport(
            ERROR,
            (errcode(ERRCODE_DATATYPE_MISMATCH),
             errmsg("cannot move rows from table \"%s\" to table \"%s\": the tables have different columns",
                    RelationGetRelationName(source), RelationGetRelationName(target))));
}

// Makes an executor without a plan, as COPY does. The server's functions need an executor for the indexes and
// the constraints, and to show a row in an error.
ResultRelInfo *open_target(EState *estate, Relation target) {
    ParseState *parse = make_parsestate(nullptr);
    addRangeTableEntryForRelation(parse, target, RowExclusiveLock, nullptr, false, false);
    init_range_table(estate, parse);
    auto *result = makeNode(ResultRelInfo);
    ExecInitResultRelation(estate, result, 1);
    ExecOpenIndices(result, false);
    return result;
}

int64_t move_rows(Relation source, Relation target, EState *estate) {
    ResultRelInfo *result = open_target(estate, target);
    bool constrained = RelationGetDescr(target)->constr != nullptr;
    TupleTableSlot *row = table_slot_create(source, &estate->es_tupleTable);
    TupleTableSlot *rows[chunk_rows] = {};
    BulkInsertState bulk = GetBulkInsertState();
    // The calling statement may have inserted rows into `source` after PostgreSQL took the snapshot of the
    // statement. Only a new snapshot sees these rows.
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TableScanDesc scan = table_beginscan(source, snapshot, 0, nullptr);
    int64_t moved = 0;
    int count = 0;
    while (table_scan_getnextslot(scan, ForwardScanDirection, row)) {
        CHECK_FOR_INTERRUPTS();
        if (rows[count] == nullptr)
            rows[count] = table_slot_create(target, &estate->es_tupleTable);
        ExecCopySlot(rows[count], row);
        if (constrained)
            ExecConstraints(result, rows[count], estate);
        if (target->rd_rel->relispartition)
            ExecPartitionCheck(result, rows[count], estate, true);
        if (++count == chunk_rows) {
            bulk_insert_flush(result, estate, rows, count, bulk);
            moved += count;
            count = 0;
        }
    }
    if (count > 0)
        bulk_insert_flush(result, estate, rows, count, bulk);
    table_endscan(scan);
    UnregisterSnapshot(snapshot);
    FreeBulkInsertState(bulk);
    table_finish_bulk_insert(target, 0);
    return moved + count;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_move_rows(PG_FUNCTION_ARGS) {
    PreventCommandIfReadOnly("heartbeat_move_rows()");
    Relation source = open_plain_table(PG_GETARG_OID(0), AccessShareLock);
    Relation target = open_plain_table(PG_GETARG_OID(1), RowExclusiveLock);
    require_owner(source);
    require_owner(target);
    require_same_columns(source, target);
    EState *estate = CreateExecutorState();
    MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
    int64_t moved = move_rows(source, target, estate);
    MemoryContextSwitchTo(before);
    ExecResetTupleTable(estate->es_tupleTable, false);
    ExecCloseResultRelations(estate);
    ExecCloseRangeTableRelations(estate);
    FreeExecutorState(estate);
    table_close(target, NoLock);
    table_close(source, NoLock);
    CommandCounterIncrement(); // makes the rows visible to the next command
    PG_RETURN_INT64(moved);
}
