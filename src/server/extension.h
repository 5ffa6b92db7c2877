// Finds the extension in this database, with its schema, its owner and its tables. All of these can change
// between two transactions. So all other files call these functions to find the extension and its objects.
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

// Call this function in a transaction. The function returns false if this database does not have the
// extension. If the function returns true, all statements from now on use this extension.
bool extension_find(Extension *extension);

// Returns the extension that the last call of extension_find() has found.
const Extension &extension_known();

// Returns the role whose rights the workers use: heartbeat.role, or the extension's owner.
Oid extension_workers_role();

// Returns a table of the extension that the last call of extension_find() has found. Raises an error if the
// table no longer exists.
Oid extension_table(const char *name);
const char *extension_quoted_schema();

// Invalidates everything that this process remembers about the extension's tables and statements. Call this
// function after an error, because the cause can be a renamed schema or a recreated extension.
void extension_forget();

// Returns a number that extension_forget() increases. If you keep a value from the catalog, keep this number
// with the value: the value is valid only while the number stays the same.
uint64_t extension_generation();

} // namespace heartbeat
