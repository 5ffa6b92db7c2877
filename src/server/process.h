// The common part of the three kinds of process: launcher, maintenance worker and ingest worker. It starts
// the process, connects it to the database, handles interrupts and sleeps. This file does not depend on the
// work of the process.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

inline constexpr char library_name[] = "heartbeat";

// Sets up a process: the allocator, a log without control characters and the signal handlers. Then it
// unblocks signals.
void process_begin();

// Connects to the database. If `database` is nullptr, the process connects only to the shared catalogs. Sets
// the settings that a worker depends on, so that the defaults of a role or a database cannot change them.
void process_connect(const char *database);

// Handles interrupts, and reloads the configuration if a reload was requested. Returns true if it has
// reloaded. Ends the process if the postmaster has died.
bool process_interrupts();

// The wait events that pg_stat_activity shows. From PostgreSQL 17 on they have their own names.
enum class ProcessWait { messages, rest };
uint32_t process_wait_event(ProcessWait wait);

// Sleeps until the latch is set or the milliseconds have passed. With -1 there is no limit. If the postmaster
// dies, the function ends the process.
void process_sleep(long milliseconds);

} // namespace heartbeat
