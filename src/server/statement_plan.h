// A statement of constant text, and the plan that a process keeps with it. statement.cpp calls it. It does
// not check which tables the statement uses: statement_relations.h does.
#pragma once

#include "server/extension.h"

extern "C" {
#include "executor/spi.h"
}

namespace heartbeat {

inline constexpr int statement_arguments_max = 20;

inline constexpr int statement_relations_max = 32;

// The tables that a statement's names mean.
struct StatementRelations {
    int count;
    Oid relations[statement_relations_max];
    int written_count;
    Oid written[statement_relations_max]; // the bookkeeping tables that the statement writes to
};

// The text is constant except for @extschema@, which becomes the extension's quoted schema. A process plans
// the statement at its first use, and keeps the plan. A statement calls no function of the extension;
// own_objects.h does that.
struct Statement {
    const char *text;
    int arguments;
    Oid types[statement_arguments_max];
    uint64_t generation;
    SPIPlanPtr plan;
    StatementRelations relations = {};
};

// Parses the statement again with the present schema of the extension. The server plans it when it is
// executed.
void statement_plan(Statement *statement);

} // namespace heartbeat
