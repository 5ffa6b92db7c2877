// Calls a function of the extension, and checks that a table belongs to the extension. The name of an object
// in the extension's schema does not prove that the object belongs to the extension, for two reasons. First,
// another role can create a function with the same name in this schema, and then a call can be ambiguous.
// Second, if the owner renames a table, another role can create a table with the old name.
#pragma once

#include "server/constant_list.h"
#include "server/extension.h"

extern "C" {
#include "storage/lockdefs.h"
#include "utils/relcache.h"
}

namespace heartbeat {

inline constexpr int own_function_arguments_max = 5;

// The name and the exact parameter types of a function of the extension. At most one function matches, even
// if other functions have the same name.
struct OwnFunction {
    const char *name;
    ConstantList<Oid, own_function_arguments_max> types = {};
};

// Calls the function as the current user. The current user must have the right to execute the function.
// Returns false if the result is NULL. `nulls` may be nullptr.
bool own_function_call(const OwnFunction &function, const Datum *values, const bool *nulls, Datum *answer);

// Accepts a relation (a table, a view or a sequence) that belongs to the server, to the extension or to the
// extension's owner. Raises an error for any other relation.
void own_relation_check(Oid relation);

// Opens a table of the extension by its name. Raises an error if the table no longer exists, or if
// own_relation_check() refuses the table with this name.
Relation own_table_open(const char *name, LOCKMODE mode);

} // namespace heartbeat
