// What the three kinds of process (launcher, maintenance, ingest worker) have in common.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

inline constexpr char library_name[] = "heartbeat";

// How a process begins: memory, lines of the log without control characters, signal handlers, then signals.
void process_begin();

// Connects to the database (nullptr: to the shared catalogs only), with settings that no user's defaults can
// spoil.
void process_connect(const char *database);

// Interrupts and a reload of the configuration, if due; true if it was reloaded. Ends the process where the
// postmaster has died.
bool process_interrupts();

// What pg_stat_activity shows as wait_event, by a name of its own from PostgreSQL 17 on.
enum class ProcessWait { messages, rest };
uint32_t process_wait_event(ProcessWait wait);

// Sleeps until the latch is set, milliseconds pass (-1: no limit) or the postmaster dies, which ends the
// process.
void process_sleep(long milliseconds);

} // namespace heartbeat
