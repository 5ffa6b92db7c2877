// Finds rules (CREATE RULE) on the extension's tables, and names them for an error or a hint. statement.cpp,
// user_code.cpp and obstacles.cpp call it. This file does not use statement_execute(), because
// statement_execute() calls this file to explain an error.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Call it with an SPI connection. Returns the rules on the tables that the text of a statement names, in the
// form 'rule "a" on table "b"'. Returns nullptr if these tables have no rules.
const char *rules_in_statement(const char *statement);

// Call it with an SPI connection. Returns the rules that can change what ingest writes, in the same form.
const char *rules_on_ingest();

// Returns the rules on a table, in the form 'rule "a", rule "b"'. The text is palloc'd. Returns nullptr if
// the table has no rules.
char *rules_of_table(Oid table);

} // namespace heartbeat
