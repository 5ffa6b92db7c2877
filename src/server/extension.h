// Finds the extension in this database, with its schema, its owner and its tables. The extension, the schema,
// the owner and the tables can change between two transactions. So all other files call this file to find
// them.
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

// Invalidates everything that this process remembers about the extension's tables and statements. Call it
// after an error, because the cause can be that the schema was renamed or the extension was recreated.
void extension_forget();

// Returns a number that extension_forget() increases. If you keep a value from the catalog, keep this number
// with it. As soon as the number has changed, the value is no longer valid.
uint64_t extension_generation();

} // namespace heartbeat
