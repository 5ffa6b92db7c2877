// A statement of constant text, and the plan that is kept with it.
#pragma once

#include "server/extension.h"

extern "C" {
#include "executor/spi.h"
}

namespace heartbeat {

inline constexpr int statement_arguments_max = 20;

inline constexpr int statement_relations_max = 32;

// What a statement's names were found to mean.
struct StatementRelations {
    int count;
    Oid relations[statement_relations_max];
    int written_count;
    Oid written[statement_relations_max]; // those of heartbeat's bookkeeping that it writes to
};

// A statement whose text is constant but for @extschema@, which becomes the extension's quoted schema. It is
// planned at its first use in a process and kept. It calls no function of the extension (own_objects.h does).
struct Statement {
    const char *text;
    int arguments;
    Oid types[statement_arguments_max];
    uint64_t generation;
    SPIPlanPtr plan;
    StatementRelations relations = {};
};

// Parses the statement anew, with the extension's schema of now. The server plans it when it is executed.
void statement_plan(Statement *statement);

} // namespace heartbeat
