// What differs between the versions of PostgreSQL that we build with, each behind one name. No
// other file asks for the version.
#pragma once

extern "C" {
#include "postgres.h"

#include "commands/vacuum.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "parser/parse_node.h"
}

// What pg_get_loaded_modules() shows, where there is one.
#if PG_VERSION_NUM >= 180000
#define HEARTBEAT_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "heartbeat", .version = HEARTBEAT_VERSION);
#else
#define HEARTBEAT_MODULE_MAGIC PG_MODULE_MAGIC;
#endif

namespace heartbeat {

inline constexpr bool has_transaction_timeout = PG_VERSION_NUM >= 170000;

// A misspelt setting of ours is an error, or a warning at least.
void reserve_settings(const char *prefix);

// In _PG_init: calls the function when it is time to ask for shared memory.
void when_memory_is_requested(void (*request)());

// A wait event that pg_stat_activity shows by its name, where it can.
uint32 new_wait_event(const char *name);

// For a function that returns a set: its rows go to setResult of what this returns.
ReturnSetInfo *return_rows(FunctionCallInfo call);

// The range table that the parser has made, for an executor that runs no plan.
void init_range_table(EState *estate, ParseState *parse);

// The map from a parent's rows to a partition's; nullptr where they are alike.
TupleConversionMap *partition_map(ResultRelInfo *partition, EState *estate);

// An error where the current user may not execute the function.
void require_execute(Oid function);

// As REASSIGN OWNED changes it.
void change_extension_owner(Oid extension, Oid owner);

// VACUUM, with what it needs to know in a context that outlives its transactions.
void vacuum_tables(List *tables, VacuumParams *params, MemoryContext context);

} // namespace heartbeat
