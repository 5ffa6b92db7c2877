// Begins and ends the transactions of the workers. In a session's transaction it begins and ends the part
// that acts as the workers' role. All floors above call it. This file does not depend on the statements of
// these transactions.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Begins a transaction of a worker, connects to SPI, and acts as heartbeat.role (or the extension's owner)
// with the rights of a security-restricted operation. Returns false, without a transaction, if the extension
// is missing. The extension cannot be dropped while the transaction runs. `isolation` is XACT_READ_COMMITTED
// or XACT_REPEATABLE_READ. If locked_table is given, the function locks this table in SHARE UPDATE EXCLUSIVE
// mode before it takes the snapshot. heartbeat_make_partitions() takes the same lock. The function then also
// calls the hooks before_snapshot and after_snapshot. Each statement checks the deferred constraints at its
// end. When the transaction ends, the memory context and the settings are as before the transaction, even if
// a trigger has changed a setting.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // after an error, or to undo the transaction

// Functions of a higher floor that transaction_begin(), role_enter() and transaction_commit() call.
// _PG_init() sets them once.
struct TransactionHooks {
    // transaction_begin() calls begun() after it has found the extension. role_enter() calls begun() before
    // anything else. begun() must not read a catalog.
    void (*begun)();
    // transaction_begin() calls before_snapshot() only if it locks a table. If before_snapshot() returns
    // true, transaction_begin() also calls after_snapshot().
    bool (*before_snapshot)();
    void (*after_snapshot)();
    void (*before_commit)(); // the catalog can still be read here
    void (*committing)();    // the commit follows: every error after this call is an error of the commit
};
void transaction_set_hooks(const TransactionHooks &given);

// If a session executes a function that acts as the extension's owner, the function calls role_enter() and
// role_leave(). role_enter() first checks the caller's deferred constraints, with the role of the caller.
// Users' triggers may run between role_enter() and role_leave(). So between them the code acts as the
// workers' role with the rights of a security-restricted operation. A trigger can change settings (SET,
// set_config) that would change the meaning of the caller's next statements. So role_leave() undoes such
// changes. After an error the server restores the user.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
