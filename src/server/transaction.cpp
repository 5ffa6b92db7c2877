// Begins and ends transactions. Takes the extension's lock, the snapshot and the role in the right order.
// After a transaction, all settings have the same values as before the transaction. The workers' loops and
// the functions in src/admin call the functions of this file.
#include "server/server.h"

#include "server/extension.h"
#include "server/persistence.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

MemoryContext context_before;
Oid user_before;
int security_before;
// the nesting level of settings (GUC) in the transaction: transaction_commit() restores the settings that a
// trigger has changed at this level
int settings_before;
TransactionHooks hooks;

// Locks the extension, so that DROP EXTENSION must wait. DROP EXTENSION also locks the extension first, and
// the extension's objects later. A transaction that waits in this function holds no other lock, so a deadlock
// with DROP EXTENSION is not possible.
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

// Makes deferred constraints immediate, for three reasons. First, if a constraint failed at the commit, the
// worker could not find the row that caused the error. Second, at the commit, the constraint's trigger would
// not run with the workers' role. Third, no deferred trigger may be pending at the end of a
// security-restricted operation.
void check_constraints_at_once() {
    ConstraintsSetStmt set_all_immediate = {};
    NodeSetTag(&set_all_immediate, T_ConstraintsSetStmt);
    AfterTriggerSetState(&set_all_immediate);
}

} // namespace

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
    hooks.begun();
    if (locked_table != nullptr)
        LockRelationOid(extension_table(locked_table), ShareUpdateExclusiveLock);
    bool hooked = locked_table != nullptr && hooks.before_snapshot();
    PushActiveSnapshot(GetTransactionSnapshot());
    if (hooked)
        hooks.after_snapshot();
    GetUserIdAndSecContext(&user_before, &security_before);
    SetUserIdAndSecContext(extension_workers_role(), security_before | SECURITY_RESTRICTED_OPERATION);
    check_constraints_at_once();
    SPI_connect();
    return true;
}

void transaction_commit() {
    SPI_finish();
    persistence_check();
    AtEOXact_GUC(false, settings_before); // restore the settings that a trigger has changed
    hooks.before_commit();
    SetUserIdAndSecContext(user_before, security_before);
    PopActiveSnapshot();
    hooks.committing();
    CommitTransactionCommand();
    MemoryContextSwitchTo(context_before);
    pgstat_report_stat(false); // autovacuum needs these statistics
}

void transaction_abandon() {
    AbortCurrentTransaction(); // the call also restores the role and ends the snapshot and the SPI connection
    MemoryContextSwitchTo(context_before);
}

MemoryContext transaction_begin_look() {
    MemoryContext before = CurrentMemoryContext;
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    SPI_connect();
    return before;
}

void transaction_end_look(MemoryContext before) {
    SPI_finish();
    PopActiveSnapshot();
    CommitTransactionCommand();
    MemoryContextSwitchTo(before);
}

void transaction_set_hooks(const TransactionHooks &given) {
    hooks = given;
}

void role_enter(ActingRole *before) {
    hooks.begun();
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
