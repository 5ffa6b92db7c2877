// Finds the extension, plans statements, and frames the worker's transactions.
#include "server/server.h"

#include "monitor/obstacles.h"
#include "server/persistence.h"
#include "server/settings.h"
#include "server/statement_plan.h"
#include "server/statement_relations.h"
#include "store/announce.h"
#include "store/distribution.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

#include <cstring>

namespace heartbeat {

namespace {

uint64_t current_generation = 1;
Extension known = {InvalidOid, InvalidOid, InvalidOid};
char quoted_schema[2 * NAMEDATALEN + 3];
MemoryContext context_before;
Oid user_before;
int security_before;
int settings_before; // level of nested settings, to which a transaction's own go back

// The schema's name is looked up for each transaction, since it can be renamed at any time.
void remember_schema(Oid schema) {
    const char *name = get_namespace_name(schema);
    if (name == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("the schema of extension \"heartbeat\" is gone")));
    const char *quoted = quote_identifier(name);
    if (strcmp(quoted, quoted_schema) == 0)
        return;
    strlcpy(quoted_schema, quoted, sizeof(quoted_schema));
    statements_forget();
}

// DROP EXTENSION locks the extension before anything of it. Who waits here has no lock that it could wait
// for.
bool lock_extension(Extension *extension) {
    while (extension_find(extension)) {
        Oid found = extension->oid;
        LockDatabaseObject(ExtensionRelationId, found, 0, AccessShareLock);
        if (extension_find(extension) && extension->oid == found)
            return true;
        UnlockDatabaseObject(ExtensionRelationId, found, 0, AccessShareLock);
    }
    return false;
}

[[noreturn]] void refuse_rules(const Statement *statement, int result) {
    const char *rules = obstacles_rules_in(statement->text);
    if (rules != nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("%s makes another statement of one that heartbeat executes", rules),
                        errdetail("The statement ended with %s: %s", SPI_result_code_string(result),
                                  statement->text),
                        errhint("Drop the rule by DROP RULE.")));
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a statement of extension \"heartbeat\" ended with %s: %s",
                           SPI_result_code_string(result), statement->text),
                    errhint("A rule on one of its tables rewrites the statement: drop the rule.")));
}

// A constraint that waits for the commit could not be put down to a row any more, and its trigger would not
// run as the worker's role; a security-restricted operation may not even leave one waiting.
void check_constraints_at_once() {
    ConstraintsSetStmt set_all_immediate = {};
    NodeSetTag(&set_all_immediate, T_ConstraintsSetStmt);
    AfterTriggerSetState(&set_all_immediate);
}

} // namespace

bool extension_find(Extension *extension) {
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("heartbeat"));
    SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    bool found = HeapTupleIsValid(tuple);
    if (found) {
        auto *row = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
        *extension = {row->oid, row->extowner, row->extnamespace};
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (!found)
        return false;
    if (extension->oid != known.oid)
        statements_forget();
    known = *extension;
    remember_schema(extension->schema);
    return true;
}

const Extension &extension_known() {
    return known;
}

Oid extension_workers_role() {
    return settings.role[0] == '\0' ? known.owner : get_role_oid(settings.role, false);
}

Oid extension_table(const char *name) {
    Oid table = get_relname_relid(name, known.schema);
    if (!OidIsValid(table))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("table \"%s\" of extension \"heartbeat\" is gone", name),
                        errhint("It was renamed, moved to another schema or dropped: undo that.")));
    return table;
}

const char *extension_quoted_schema() {
    return quoted_schema;
}

Relation extension_table_open(const char *name, LOCKMODE mode) {
    return table_open(extension_table(name), mode);
}

uint64_t statement_execute(Statement *statement, const Datum *values, const char *nulls, int expected) {
    if (statement->plan == nullptr || statement->generation != current_generation ||
        !statement_is_valid(statement))
        statement_plan(statement);
    statement_check_relations(statement);
    int result = SPI_execute_plan(statement->plan, const_cast<Datum *>(values), nulls, false, 0);
    if (result != expected)
        refuse_rules(statement, result);
    uint64_t processed = SPI_processed;
    if (expected != SPI_OK_SELECT)
        persistence_check();
    return processed;
}

void statements_forget() {
    current_generation++;
}

uint64_t statements_generation() {
    return current_generation;
}

bool transaction_begin(Extension *extension, int isolation, const char *locked_table) {
    context_before = CurrentMemoryContext;
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    settings_before = NewGUCNestLevel();
    XactIsoLevel = isolation;
    if (!lock_extension(extension)) {
        transaction_abandon();
        return false;
    }
    if (locked_table != nullptr)
        LockRelationOid(extension_table(locked_table), ShareUpdateExclusiveLock);
    bool settle = locked_table != nullptr && distribution_is_active();
    if (settle)
        distribution_hold_marks();
    PushActiveSnapshot(GetTransactionSnapshot());
    if (settle)
        distribution_settle();
    GetUserIdAndSecContext(&user_before, &security_before);
    SetUserIdAndSecContext(extension_workers_role(), security_before | SECURITY_RESTRICTED_OPERATION);
    check_constraints_at_once();
    SPI_connect();
    return true;
}

void transaction_commit() {
    SPI_finish();
    persistence_check();
    AtEOXact_GUC(false, settings_before); // what a trigger has set ends here
    distribution_commit_durably();
    SetUserIdAndSecContext(user_before, security_before);
    PopActiveSnapshot();
    announce_committing();
    CommitTransactionCommand();
    MemoryContextSwitchTo(context_before);
    pgstat_report_stat(false); // autovacuum goes by it
}

void transaction_abandon() {
    AbortCurrentTransaction(); // also gives the user, the snapshot and SPI's connection back
    MemoryContextSwitchTo(context_before);
}

void role_enter(ActingRole *before) {
    GetUserIdAndSecContext(&before->user, &before->security);
    SetUserIdAndSecContext(GetOuterUserId(), before->security);
    check_constraints_at_once();
    before->settings = NewGUCNestLevel();
    SetUserIdAndSecContext(extension_workers_role(),
                           before->security | SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
}

void role_leave(const ActingRole &before) {
    AtEOXact_GUC(false, before.settings);
    SetUserIdAndSecContext(before.user, before.security);
}

} // namespace heartbeat
