// The extension in this database: its schema, its owner, its tables. Nothing else looks these up, since each
// can change between two transactions.
#pragma once

extern "C" {
#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/relcache.h"
}

namespace heartbeat {

struct Extension {
    Oid oid;
    Oid owner;
    Oid schema;
};

// In a transaction. False: this database does not have it. Statements are for this extension from then on.
bool extension_find(Extension *extension);

// The extension that was found last.
const Extension &extension_known();

// The role that the workers act as: heartbeat.role, or the extension's owner.
Oid extension_workers_role();

// A table of the extension that was found last; an error where it is gone.
Oid extension_table(const char *name);
const char *extension_quoted_schema();
Relation extension_table_open(const char *name, LOCKMODE mode);

// What is known of the extension's tables and statements is to be found anew: after an error, since the
// schema may have been renamed or the extension made again.
void extension_forget();

// Grows with extension_forget(). What is known of the extension's tables is no longer so in another one.
uint64_t extension_generation();

} // namespace heartbeat
