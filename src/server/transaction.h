// Begins and ends the transactions of the workers, and the part of a session's transaction that acts as the
// workers' role. All floors above call it. It does not know the statements that these transactions run.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Begins a transaction of a worker, connects to SPI, and acts as heartbeat.role (or the extension's owner)
// with the rights of a security-restricted operation. Returns false, without a transaction, if the extension
// is missing. The extension cannot be dropped while the transaction runs. `isolation` is XACT_READ_COMMITTED
// or XACT_REPEATABLE_READ. If locked_table is given, the function locks it in SHARE UPDATE EXCLUSIVE mode
// before it takes the snapshot, as heartbeat_make_partitions() does, and calls the hooks before_snapshot and
// after_snapshot. Each statement checks the deferred constraints. When the transaction ends, the memory
// context and the settings are as before, even if a trigger has changed a setting.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // after an error, or to undo the transaction

// The functions that a floor above adds to each of these transactions. _PG_init() sets them once.
struct TransactionHooks {
    // transaction_begin() calls it when it has found the extension, and role_enter() calls it first. It must
    // not read a catalog.
    void (*begun)();
    // transaction_begin() calls it only if it locks a table. If it returns true, transaction_begin() also
    // calls after_snapshot().
    bool (*before_snapshot)();
    void (*after_snapshot)();
    void (*before_commit)(); // the catalog can still be read here
    void (*committing)();    // an error after this call is an error of the commit
};
void transaction_set_hooks(const TransactionHooks &given);

// A function of a session that acts as the extension's owner calls role_enter() and role_leave().
// role_enter() first checks the caller's deferred constraints, as the caller. Until role_leave(), the code
// acts as the workers' role with the rights of a security-restricted operation, because users' triggers may
// run. role_leave() undoes the settings that a trigger has changed (SET, set_config), because they could
// change the meaning of the caller's next statements. After an error the server restores the user.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
