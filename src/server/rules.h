// Finds rules (CREATE RULE) on the extension's tables, and writes their names for an error or a hint.
// statement.cpp, user_code.cpp and obstacles.cpp call these functions. This file does not use
// statement_execute(), because statement_execute() calls this file to explain an error.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Call this function with an SPI connection. The function finds the extension's tables in the text of a
// statement. It returns the rules on these tables, in the form 'rule "a" on table "b"'. Returns nullptr if
// these tables have no rules.
const char *rules_in_statement(const char *statement);

// Call this function with an SPI connection. The function returns the rules that can change the rows that
// ingest writes, in the same form as rules_in_statement().
const char *rules_on_ingest();

// Returns the rules on a table, in the form 'rule "a", rule "b"'. The function allocates the text with
// palloc(). Returns nullptr if the table has no rules.
char *rules_of_table(Oid table);

} // namespace heartbeat
