// Finds rules (CREATE RULE) on the extension's tables, and names them for an error or a hint. statement.cpp,
// user_code.cpp and obstacles.cpp call it. It does not use statement_execute(), because it explains the
// errors of that function.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Call it with an SPI connection. Returns the rules on the tables that a statement's text names, as 'rule "a"
// on table "b"'; nullptr if there are none.
const char *rules_in_statement(const char *statement);

// Call it with an SPI connection. Returns the rules that can change what ingest writes, in the same form.
const char *rules_on_ingest();

// Returns the rules on a table, as 'rule "a", rule "b"'. The text is palloc'd; nullptr if there are none.
char *rules_of_table(Oid table);

} // namespace heartbeat
