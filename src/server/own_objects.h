// The extension's own objects, by oid. A name in the extension's schema is not enough: others
// may create functions there that make a call ambiguous, and tables whose name an owner has given away.
#pragma once

#include "server/extension.h"

namespace heartbeat {

inline constexpr int own_function_arguments_max = 4;

// A function of the extension by its name and exact types: there is one at most, whatever else has its name.
struct OwnFunction {
    const char *name;
    int arguments;
    Oid types[own_function_arguments_max];
};

// Calls it as the current user, who must have the right to. Returns false where the answer is NULL. nulls may
// be nullptr.
bool own_function_call(const OwnFunction &function, const Datum *values, const bool *nulls, Datum *answer);

// Raises an error unless the table, view or sequence is the server's, the extension's or its owner's.
void own_relation_check(Oid relation);

} // namespace heartbeat
