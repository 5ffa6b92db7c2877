// Begins and ends the transactions of the workers, and the part of a session's transaction that acts as the
// workers' role. All floors above call it. It knows nothing of the statements between.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Begins a transaction of a worker, connects to SPI, and acts as heartbeat.role (or the extension's owner)
// with the rights of a security-restricted operation. Returns false, without a transaction, if the extension
// is missing. The extension cannot be dropped while the transaction runs. `isolation` is XACT_READ_COMMITTED
// or XACT_REPEATABLE_READ. If locked_table is given, it is locked in SHARE UPDATE EXCLUSIVE mode before the
// snapshot is taken, as heartbeat_make_partitions() does, and the hooks before_snapshot and after_snapshot
// are called. Deferred constraints are checked by each statement. When the transaction ends, the memory
// context and the settings are as before, even if a trigger has changed a setting.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // after an error, or to undo the transaction

// What a floor above must do around each of these transactions. _PG_init() sets it once.
struct TransactionHooks {
    // Called when the transaction has found the extension, and by role_enter(). It must not read a catalog.
    void (*begun)();
    // Called only if a table is locked. If it returns true, after_snapshot() is called too.
    bool (*before_snapshot)();
    void (*after_snapshot)();
    void (*before_commit)(); // the catalog can still be read here
    void (*committing)();    // an error after this call is an error of the commit
};
void transaction_set_hooks(const TransactionHooks &given);

// Called in a session, in a function that acts as the extension's owner. Until role_leave(), the code acts as
// the workers' role with the rights of a security-restricted operation, because users' triggers may run. The
// caller's deferred constraints are checked first, as the caller. Settings that a trigger changes (SET,
// set_config) end with role_leave(): they could change the meaning of the caller's next statements. After an
// error the server restores the user.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
