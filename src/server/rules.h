// Rules (CREATE RULE) on the extension's tables. The statements here are not heartbeat's Statements, whose
// errors they explain.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// With an SPI connection: the rules on the tables that a statement's text names, as 'rule "a" on table "b"';
// nullptr where there are none.
const char *rules_in_statement(const char *statement);

// With an SPI connection: the rules that can change what ingest writes, in the same words.
const char *rules_on_ingest();

// The rules on a table, as 'rule "a", rule "b"'; palloc'd, nullptr where there are none.
char *rules_of_table(Oid table);

} // namespace heartbeat
