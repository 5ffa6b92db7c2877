// The extension in this database, and statements of constant text that run as the worker's
// role.
#pragma once

extern "C" {
#include "executor/spi.h"
}

namespace heartbeat {

struct Extension {
    Oid oid;
    Oid owner;
    Oid schema;
};

// In a transaction. False: this database does not have it. Statements are for this extension from then on.
bool extension_find(Extension *extension);

// The extension that was found last.
const Extension &extension_known();

// The role that the workers act as: heartbeat.role, or the extension's owner.
Oid extension_workers_role();

// A table of the extension that was found last; an error where it is gone.
Oid extension_table(const char *name);
const char *extension_quoted_schema();
Relation extension_table_open(const char *name, LOCKMODE mode);

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

// Executes it in the current SPI connection; raises an error unless it ends with the expected code
// (SPI_OK_...). Returns the rows processed. nulls may be nullptr. Before, an error where a name means
// somebody else's table, or where somebody's code is on a table of the bookkeeping that it writes to.
uint64_t statement_execute(Statement *statement, const Datum *values, const char *nulls, int expected);

// A value of the rows that the last statement gave: rows are counted from 0, columns from 1. The owner of a
// table can change a column's type at any time, so each of these raises an error where the column is not of
// the type. Those without `null` also raise one where the value is NULL.
Datum statement_value(uint64_t row, int column, Oid type, bool *null);
Datum statement_value(uint64_t row, int column, Oid type);
bool statement_bool(uint64_t row, int column);
int32_t statement_int4(uint64_t row, int column);
int64_t statement_int8(uint64_t row, int column);
char *statement_text(uint64_t row, int column); // palloc'd; nullptr for NULL

// Plans anew from now on: after an error, since the schema may have been renamed or the extension made again.
void statements_forget();

// Grows with statements_forget(). What is known of the extension's tables is no longer so in another one.
uint64_t statements_generation();

// One transaction of a worker: begins it, connects to SPI and acts as heartbeat.role (or the extension's
// owner), with the rights of a security-restricted operation. False, and no transaction, where the extension
// is missing; it cannot be dropped meanwhile. isolation is XACT_READ_COMMITTED or XACT_REPEATABLE_READ. A
// table that is named is locked in SHARE UPDATE EXCLUSIVE mode, as heartbeat_make_partitions does, before the
// snapshot is taken. Deferred constraints are checked by each statement. When the transaction ends, the
// memory context and the settings are again what they were before, whatever a trigger has set.
// Where the tables are distributed, that snapshot also sees no mark of a minute whose readings have yet to
// appear on a node.
bool transaction_begin(Extension *extension, int isolation, const char *locked_table = nullptr);
void transaction_commit();
void transaction_abandon(); // after an error, or to undo what was done

// In a session, within a function that acts as the extension's owner: what follows until role_leave() acts as
// the workers' role, with the rights of a security-restricted operation, since users' triggers may run. The
// caller's deferred constraints are checked at once, as the caller. What a trigger sets (SET, set_config)
// ends there: it would change what the caller's next statements mean. An error gives the user back by itself.
struct ActingRole {
    Oid user;
    int security;
    int settings;
};
void role_enter(ActingRole *before);
void role_leave(const ActingRole &before);

} // namespace heartbeat
