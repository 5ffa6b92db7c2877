// Finds the extension in this database: its schema, its owner, its tables. No other file looks these up,
// because each of them can change between two transactions.
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

// Call it in a transaction. Returns false if this database does not have the extension. Otherwise all
// statements use this extension from then on.
bool extension_find(Extension *extension);

// Returns the extension that extension_find() has found last.
const Extension &extension_known();

// Returns the role that the workers act as: heartbeat.role, or the extension's owner.
Oid extension_workers_role();

// Returns a table of the extension that was found last. Raises an error if the table no longer exists.
Oid extension_table(const char *name);
const char *extension_quoted_schema();
Relation extension_table_open(const char *name, LOCKMODE mode);

// Makes every process-local memory of the extension's tables and statements invalid. Call it after an error,
// since the schema may have been renamed or the extension recreated.
void extension_forget();

// Increases with each extension_forget(). A value that was remembered under another generation is no longer
// valid.
uint64_t extension_generation();

} // namespace heartbeat
