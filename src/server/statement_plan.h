// A statement of constant text, and the plan that a process keeps with the statement. statement.cpp calls
// these functions. This file does not check the tables of the statement: statement_relations.h has this
// check.
#pragma once

#include "server/constant_list.h"
#include "server/extension.h"

extern "C" {
#include "executor/spi.h"
}

namespace heartbeat {

inline constexpr int statement_arguments_max = 24;

inline constexpr int statement_relations_max = 32;

// The tables that a statement uses.
struct StatementRelations {
    int count;
    Oid relations[statement_relations_max];
    int written_count;
    Oid written[statement_relations_max]; // the bookkeeping tables that the statement writes to
};

// A piece of SQL that the texts of several statements share. Each of these texts contains a name such as
// @hours@ in place of the piece.
struct StatementPart {
    const char *name;
    const char *text;
};

inline constexpr int statement_parts_max = 3;

void statement_types_are_of_other_parameters();

// A declaration has three elements: the types of the parameters $1, $2 and so on, the parts that the text
// uses, and the text as a raw string. If the text has no parameters, leave out the types. If the text uses no
// parts, leave out the parts. For example:
//
//     Statement select_rates = {{TEXTOID}, R"sql(
//         SELECT heart_rate FROM @extschema@.heartbeat_records
//         WHERE customer_id = $1)sql"};
//
// statement_sql() replaces the name of each part by the text of the part. The function also replaces
// @extschema@ by the quoted name of the extension's schema, and makes one line of the text. So the text must
// have no comments. A quoted string or name in the text must have no line break. A process plans the
// statement at its first use, and keeps the plan. A statement must not call a function of the extension: use
// own_objects.h for such calls.
struct Statement {
    using Types = ConstantList<Oid, statement_arguments_max>;
    using Parts = ConstantList<StatementPart, statement_parts_max>;

    consteval Statement(const char *text) : text{text} { check(); }
    consteval Statement(Types types, const char *text) : text{text}, types{types} { check(); }
    consteval Statement(Parts parts, const char *text) : text{text}, parts{parts} { check(); }
    consteval Statement(Types types, Parts parts, const char *text) : text{text}, types{types}, parts{parts} {
        check();
    }
    const char *text;
    Types types;
    Parts parts;
    uint64_t generation = 0;
    SPIPlanPtr plan = nullptr;
    StatementRelations relations = {};

  private:
    // Returns the number of the highest parameter in the text.
    static consteval int highest_in(const char *text) {
        int highest = 0, number = 0;
        for (bool in_parameter = false; *text != '\0'; text++) {
            in_parameter = *text == '$' || (in_parameter && *text >= '0' && *text <= '9');
            number = !in_parameter || *text == '$' ? 0 : 10 * number + (*text - '0');
            highest = number > highest ? number : highest;
        }
        return highest;
    }

    // Makes the compiler report an error if the number of types is not the number of parameters in the text.
    consteval void check() const {
        int highest = highest_in(text);
        for (const StatementPart &part : parts.elements)
            if (part.text != nullptr && highest_in(part.text) > highest)
                highest = highest_in(part.text);
        if (highest != types.count)
            // the function is not constexpr, so the compiler reports this call as an error
            statement_types_are_of_other_parameters();
    }
};

// Returns the text that the server gets: one line, with the extension's schema.
char *statement_sql(const Statement *statement);

// Parses the statement again with the present schema of the extension. The server makes the plan at the next
// execution of the statement.
void statement_plan(Statement *statement);

} // namespace heartbeat
