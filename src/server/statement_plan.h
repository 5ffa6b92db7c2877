// A statement of constant text, and the plan that a process keeps with it. statement.cpp calls it. It does
// not check which tables the statement uses: statement_relations.h does.
#pragma once

#include "server/constant_list.h"
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

// A part of a statement's text that other statements have too. It stands in the text by its name, such as
// @hours@.
struct StatementPart {
    const char *name;
    const char *text;
};

inline constexpr int statement_parts_max = 3;

void statement_types_are_of_other_parameters();

// A statement has the types of its parameters $1, $2 and so on, then the parts that its text names, and last
// its text in a raw string. It has neither types nor parts if there are none:
//
//     Statement select_rates = {{TEXTOID}, R"sql(
//         SELECT heart_rate FROM @extschema@.heartbeat_records
//         WHERE customer_id = $1)sql"};
//
// The text is constant except for @extschema@, which becomes the extension's quoted schema. The server gets
// it as one line, so it has no comments, and no line break inside quotes. A process plans the statement at
// its first use, and keeps the plan. A statement calls no function of the extension; own_objects.h does that.
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
    // The number of the highest parameter in the text.
    static consteval int highest_in(const char *text) {
        int highest = 0, number = 0;
        for (bool in_parameter = false; *text != '\0'; text++) {
            in_parameter = *text == '$' || (in_parameter && *text >= '0' && *text <= '9');
            number = !in_parameter || *text == '$' ? 0 : 10 * number + (*text - '0');
            highest = number > highest ? number : highest;
        }
        return highest;
    }

    // The statement does not compile if its text uses more or fewer parameters than it has types.
    consteval void check() const {
        int highest = highest_in(text);
        for (const StatementPart &part : parts.elements)
            if (part.text != nullptr && highest_in(part.text) > highest)
                highest = highest_in(part.text);
        if (highest != types.count)
            statement_types_are_of_other_parameters(); // not constexpr, so this call is an error
    }
};

// The text as the server gets it: with the extension's schema, and on one line.
char *statement_sql(const Statement *statement);

// Parses the statement again with the present schema of the extension. The server plans it when it is
// executed.
void statement_plan(Statement *statement);

} // namespace heartbeat
