// Begins and ends the transactions of the workers. A session stores readings in its own transaction: there
// role_enter() switches to the workers' role, and role_leave() switches back. All floors above call these
// functions. This file does not depend on the statements of these transactions.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Begins a transaction of a worker, and connects to SPI. The transaction acts as heartbeat.role (or the
// extension's owner), in a security-restricted operation. If the extension is missing, the function returns
// false, and no transaction remains open. No session can drop the extension while the transaction runs.
// `isolation` is XACT_READ_COMMITTED or XACT_REPEATABLE_READ. If locked_table is not nullptr, the function
// locks this table in SHARE UPDATE EXCLUSIVE mode before it takes the snapshot, so that
// heartbeat_make_partitions() cannot run at the same time. With a locked_table, the function also calls two
// hooks: before_snapshot() and after_snapshot(). During the transaction, PostgreSQL checks deferred
// constraints at the end of each statement. After the transaction, the memory context and the settings are
// the same as before the transaction, even if a trigger has changed a setting.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // call this function after an error, or to undo the transaction

// Begins a transaction that looks only at the server's catalogs and views, and connects to SPI. The
// transaction takes no lock on the extension, and acts as the role of the process. If the extension is being
// dropped, transaction_begin() waits, but this function does not. transaction_end_look() ends the
// transaction, and restores the memory context `before`, which transaction_begin_look() has returned.
MemoryContext transaction_begin_look();
void transaction_end_look(MemoryContext before);

// Functions that a higher floor defines. transaction_begin(), role_enter() and transaction_commit() call
// these functions. _PG_init() passes the functions to transaction_set_hooks() once.
struct TransactionHooks {
    // transaction_begin() calls begun() after it has found the extension. role_enter() calls begun() before
    // anything else. begun() must not read a catalog.
    void (*begun)();
    // transaction_begin() calls before_snapshot() only if it locks a table. If before_snapshot() returns
    // true, transaction_begin() also calls after_snapshot().
    bool (*before_snapshot)();
    void (*after_snapshot)();
    void (*before_commit)(); // before_commit() may read the catalog
    // transaction_commit() calls committing() just before the commit. Every later error is an error of the
    // commit.
    void (*committing)();
};
void transaction_set_hooks(const TransactionHooks &given);

// In a session, the code that stores readings calls role_enter() first and role_leave() last. role_enter()
// first checks the caller's deferred constraints, with the role of the caller. Users' triggers can run
// between the two calls. So between the two calls, the code acts as the workers' role, in a
// security-restricted operation. role_leave() undoes changes of settings, because a trigger can change a
// setting (SET, set_config), and so the meaning of the caller's next statements. After an error, the server
// restores the user and the settings.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
