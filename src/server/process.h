// The common functions of the four kinds of process: launcher, maintenance worker, ingest worker, and the
// process that packs old weeks. These functions set up the process, connect to the database, handle
// interrupts and sleep. This file does not depend on the code that only one kind of process runs.
#pragma once

extern "C" {
#include "postgres.h"

#include "postmaster/bgworker.h"
}

namespace heartbeat {

inline constexpr char library_name[] = "heartbeat";

// Describes a process of heartbeat that connects to a database. PostgreSQL does not restart the process when
// it ends. `function` is the function of the library that the process runs.
void process_describe(BackgroundWorker *process, const char *function, const char *name);

// Sets up a process: the allocator, a log without control characters, and the signal handlers. Then unblocks
// signals.
void process_begin();

// Connects to the database. If `database` is nullptr, the process connects only to the shared catalogs. Then
// sets the settings that a worker depends on. These values override the defaults of the role and of the
// database.
void process_connect(const char *database);

// Handles interrupts. If the server has requested a reload of the configuration, the function reloads the
// configuration and returns true. If the postmaster has died, the function ends the process.
bool process_interrupts();

// If the server has requested a reload of the configuration, reloads the configuration and returns true.
bool process_take_reload();

// Outside of a PG_TRY block, nothing catches the error of a cancel request (pg_cancel_backend()), and the
// error ends the process. So process_begin() refuses cancel requests. Call process_allow_cancel() at the
// start of a PG_TRY block, and process_refuse_cancel() at its end. Each error allows cancel requests again,
// because the error sets QueryCancelHoldoffCount to 0. So the PG_CATCH block must also start with
// process_refuse_cancel(). A refused request stays pending until process_interrupts() discards it. If
// process_allow_cancel() runs before that, the request raises its error at the next check for interrupts.
void process_allow_cancel();
void process_refuse_cancel();

// The wait events that pg_stat_activity shows. From PostgreSQL 17 on, these wait events have their own names.
enum class ProcessWait { messages, rest };
uint32_t process_wait_event(ProcessWait wait);

// Sleeps until the latch of the process is set, or until the milliseconds have passed. -1 means no limit of
// time. If the postmaster dies, the function ends the process.
void process_sleep(long milliseconds);

} // namespace heartbeat
