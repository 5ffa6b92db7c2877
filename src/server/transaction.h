// Frames the workers' transactions, and the parts of a session's transaction that act as the workers' role.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// One transaction of a worker: begins it, connects to SPI and acts as heartbeat.role (or the extension's
// owner), with the rights of a security-restricted operation. False, and no transaction, where the extension
// is missing; it cannot be dropped meanwhile. isolation is XACT_READ_COMMITTED or XACT_REPEATABLE_READ. A
// table that is named is locked in SHARE UPDATE EXCLUSIVE mode, as heartbeat_make_partitions does, before the
// snapshot is taken. Deferred constraints are checked by each statement. When the transaction ends, the
// memory context and the settings are again what they were before, whatever a trigger has set.
// Where the tables are distributed, that snapshot also sees no mark of a minute whose readings have yet to
// appear on a node.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // after an error, or to undo what was done

// What a floor above has to do around each of these transactions; set once, when the library is loaded.
struct TransactionHooks {
    bool (*before_snapshot)(); // where a table is locked; true: after_snapshot() is called, too
    void (*after_snapshot)();
    void (*before_commit)(); // the catalog can still be read
    void (*committing)();    // an error from here on is the commit's
};
void transaction_set_hooks(const TransactionHooks &hooks);

// In a session, within a function that acts as the extension's owner: what follows until role_leave() acts as
// the workers' role, with the rights of a security-restricted operation, since users' triggers may run. The
// caller's deferred constraints are checked at once, as the caller. What a trigger sets (SET, set_config)
// ends there: it would change what the caller's next statements mean. An error gives the user back by itself.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
