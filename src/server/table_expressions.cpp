// Finds expressions of a bookkeeping table that could run code of another role. PostgreSQL evaluates these
// expressions with the rights of the role that writes to the table, so user_code.cpp refuses such a table.
#include "server/server.h"

#include "server/compat.h"
#include "server/table_expressions.h"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_index.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace heartbeat {

namespace {

HTAB *known = nullptr; // the tables without such an expression
uint64 changes = 0;    // counts the changes of tables that this process has noticed

void forget(Datum /*argument*/, Oid table) {
    changes++;
    if (OidIsValid(table)) {
        hash_search(known, &table, HASH_REMOVE, nullptr);
        return;
    }
    HASH_SEQ_STATUS sequence;
    hash_seq_init(&sequence, known);
    while (void *entry = hash_seq_search(&sequence))
        hash_search(known, entry, HASH_REMOVE, nullptr);
}

void watch() {
    if (known != nullptr)
        return;
    HASHCTL control = {};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Oid);
    known =
        hash_create("heartbeat: tables without foreign expressions", 64, &control, HASH_ELEM | HASH_BLOBS);
    CacheRegisterRelcacheCallback(forget, 0);
}

// A function is foreign if initdb did not create it, or if it is not immutable. now(), clock_timestamp() and
// nextval() are not immutable, but heartbeat's own defaults call them, so they are not foreign.
bool is_foreign(Oid function, void * /*context*/) {
    return function >= FirstNormalObjectId ||
           (function != F_NOW && function != F_CLOCK_TIMESTAMP && function != F_NEXTVAL &&
            func_volatile(function) != PROVOLATILE_IMMUTABLE);
}

// Returns true if the expression has a foreign function, or a node that is not in the list below. Such a node
// can run code without the name of a function. For example, a cast to a domain evaluates the domain's CHECKs.
bool has_foreign(Node *node, void *context) {
    if (node == nullptr)
        return false;
    switch (nodeTag(node)) {
    case T_List:
    case T_Var:
    case T_Const:
    case T_FuncExpr:
    case T_NamedArgExpr:
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_RowCompareExpr:
    case T_BoolExpr:
    case T_FieldSelect:
    case T_RelabelType:
    case T_CollateExpr:
    case T_CoerceViaIO:
    case T_ArrayCoerceExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_ArrayExpr:
    case T_RowExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_SQLValueFunction:
        return check_functions_in_node(node, is_foreign, context) ||
               walk_children(node, has_foreign, context);
    default:
        return true;
    }
}

bool is_refused(const char *expression) {
    return expression != nullptr && has_foreign(static_cast<Node *>(stringToNode(expression)), nullptr);
}

// Returns false for the server's types, for base types, which only superusers create, and for enums. Returns
// true for all other types, such as domains and ranges: PostgreSQL can run a function of the type's owner for
// a value of such a type.
bool is_refused_type(Oid type) {
    char kind = type < FirstNormalObjectId ? TYPTYPE_BASE : get_typtype(type);
    return kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM;
}

// Reads the expression from the catalog. The server's own functions for this purpose, such as
// RelationGetIndexExpressions(), would also evaluate constant parts of the expression.
bool is_refused_attribute(int cache, HeapTuple tuple, int attribute) {
    bool null;
    Datum value = SysCacheGetAttr(cache, tuple, static_cast<AttrNumber>(attribute), &null);
    return !null && is_refused(TextDatumGetCString(value));
}

bool is_refused_index(Oid index) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple))
        return false;
    bool refused = is_refused_attribute(INDEXRELID, tuple, Anum_pg_index_indexprs) ||
                   is_refused_attribute(INDEXRELID, tuple, Anum_pg_index_indpred);
    ReleaseSysCache(tuple);
    return refused;
}

bool is_refused_statistics(Oid statistics) {
    HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
    if (!HeapTupleIsValid(tuple))
        return false;
    bool refused = is_refused_attribute(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs);
    ReleaseSysCache(tuple);
    return refused;
}

const char *find_in_triggers(const TriggerDesc *triggers) {
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgenabled != TRIGGER_DISABLED && is_refused(trigger.tgqual))
            return psprintf("the condition of trigger \"%s\"", trigger.tgname);
    }
    return nullptr;
}

const char *find_in_columns(TupleDesc row) {
    for (int i = 0; i < row->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(row, i);
        if (!column->attisdropped && is_refused_type(column->atttypid))
            return psprintf("the type of column \"%s\"", NameStr(column->attname));
    }
    for (int i = 0; row->constr != nullptr && i < row->constr->num_defval; i++) {
        const AttrDefault &value = row->constr->defval[i];
        if (is_refused(value.adbin))
            return psprintf("the default of column \"%s\"",
                            NameStr(TupleDescAttr(row, value.adnum - 1)->attname));
    }
    for (int i = 0; row->constr != nullptr && i < row->constr->num_check; i++)
        if (is_refused(row->constr->check[i].ccbin))
            return psprintf("constraint \"%s\"", row->constr->check[i].ccname);
    return nullptr;
}

// A partitioned table evaluates the expressions of its partition key for each inserted row.
bool is_refused_partition_key(Oid table) {
    HeapTuple tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple))
        return false;
    bool refused = is_refused_attribute(PARTRELID, tuple, Anum_pg_partitioned_table_partexprs);
    ReleaseSysCache(tuple);
    return refused;
}

const char *find_in_keys(Relation table) {
    if (is_refused_partition_key(RelationGetRelid(table)))
        return "the partition key";
    ListCell *cell;
    foreach (cell, RelationGetIndexList(table))
        if (is_refused_index(lfirst_oid(cell)))
            return psprintf("index \"%s\"", get_rel_name(lfirst_oid(cell)));
    foreach (cell, RelationGetStatExtList(table))
        if (is_refused_statistics(lfirst_oid(cell)))
            return "a statistics object";
    return nullptr;
}

} // namespace

const char *table_expressions_find(Relation table) {
    watch();
    Oid oid = RelationGetRelid(table);
    if (hash_search(known, &oid, HASH_FIND, nullptr) != nullptr)
        return nullptr;
    uint64 before = changes;
    const char *found = find_in_triggers(table->trigdesc);
    if (found == nullptr)
        found = find_in_columns(RelationGetDescr(table));
    if (found == nullptr)
        found = find_in_keys(table);
    if (found == nullptr && changes == before)
        hash_search(known, &oid, HASH_ENTER, nullptr);
    return found;
}

} // namespace heartbeat
