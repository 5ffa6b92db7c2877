// Checks that all tables of the extension are logged (not UNLOGGED). This file remembers the result until the
// definition of any table changes. A transaction that has written to a table holds a lock on this table, so
// the table stays logged until the commit.
#include "server/server.h"

#include "server/extension.h"
#include "server/persistence.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace heartbeat {

namespace {

Oid checked = InvalidOid; // the extension whose tables were all logged at the last check

void forget(Datum /*argument*/, Oid /*relation*/) {
    checked = InvalidOid;
}

void watch() {
    static bool watching = false;
    if (!watching)
        CacheRegisterRelcacheCallback(forget, 0);
    watching = true;
}

// Raises an error if the table is unlogged. Ignores a table that another session has just dropped.
void check_table(Oid table, bool *partitioned) {
    *partitioned = false;
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple))
        return;
    auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    bool is_table = row->relkind == RELKIND_RELATION || row->relkind == RELKIND_PARTITIONED_TABLE;
    if (is_table && row->relpersistence != RELPERSISTENCE_PERMANENT)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table \"%s\" of extension \"heartbeat\" is unlogged", NameStr(row->relname)),
                        errdetail("A crash would empty this table, but not the other tables."),
                        errhint("Run ALTER TABLE %s SET LOGGED.", quote_identifier(NameStr(row->relname)))));
    *partitioned = row->relkind == RELKIND_PARTITIONED_TABLE;
    ReleaseSysCache(tuple);
}

void check_member(Oid table) {
    bool partitioned, is_tree;
    check_table(table, &is_tree);
    if (!is_tree)
        return;
    List *tables = find_all_inheritors(table, NoLock, nullptr);
    ListCell *cell;
    foreach (cell, tables)
        check_table(lfirst_oid(cell), &partitioned);
    list_free(tables);
}

void check_members(Oid extension) {
    Relation catalog = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(ExtensionRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(extension));
    SysScanDesc scan = systable_beginscan(catalog, DependReferenceIndexId, true, nullptr, 2, keys);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
        auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (row->deptype == DEPENDENCY_EXTENSION && row->classid == RelationRelationId)
            check_member(row->objid);
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
}

} // namespace

void persistence_check() {
    Oid extension = extension_known().oid;
    watch();
    if (checked == extension)
        return;
    // Set `checked` before the search: if a table changes during the search, forget() resets `checked`, and
    // an assignment after the search would undo this reset.
    checked = extension;
    PG_TRY();
    check_members(extension);
    PG_CATCH();
    {
        checked = InvalidOid;
        PG_RE_THROW();
    }
    PG_END_TRY();
}

} // namespace heartbeat
