// Sets up the background processes, and makes them sleep. worker_start.cpp and the loops of the processes
// call these functions.
#include "server/server.h"

#include "server/compat.h"
#include "server/log_redaction.h"
#include "server/process.h"
#include "server/text.h"

#include <malloc.h>

extern "C" {
#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

void set(const char *name, const char *value) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void protect_session() {
    set("search_path", "pg_catalog, pg_temp");
    set("default_transaction_isolation", "read committed");
    set("default_transaction_read_only", "off");
    set("default_transaction_deferrable", "off");
    set("session_replication_role", "origin");
    set("row_security", "off");
    set("statement_timeout", "0");
    if constexpr (has_transaction_timeout)
        set("transaction_timeout", "0");
    set("temp_file_limit", "-1"); // heartbeat itself limits the size of a batch
    // the server would need more time to compile (JIT) the plans of a batch than to store the batch
    set("jit", "off");
    // If a lock is not free after this time, the server raises an error. heartbeat_status shows this error,
    // and the worker tries again.
    set("lock_timeout", "10s");
    log_redaction_hide();
    // With this setting, a crash can lose the last commits. This is safe on one server: each commit contains
    // the readings and their offsets, so the workers read lost messages from Kafka again. But if a
    // transaction writes on several servers, a crash of one server could lose only one part of it. So
    // TransactionHooks::before_commit makes the commit of such a transaction wait for the disk.
    set("synchronous_commit", "off");
}

// Makes glibc return the memory of a large message to the system as soon as the process frees it. By default,
// glibc would keep the memory, and would give each thread of librdkafka its own heap.
void return_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_ARENA_MAX, 2);
#endif
}

// escape_in_log() escapes the control characters in each log line of heartbeat's processes, even in an error
// from a user's trigger. A log line can contain a customer's id or a text of a broker. If such a text had
// control characters, a terminal that shows the log would execute them.
emit_log_hook_type next_log_hook = nullptr;

void escape(char **text, bool lines) {
    char *escaped = *text == nullptr ? nullptr : text_escape(*text, lines);
    if (escaped == nullptr)
        return;
    pfree(*text);
    *text = escaped;
}

void escape_in_log(ErrorData *error) {
    for (char **text : {&error->message, &error->detail, &error->detail_log, &error->hint})
        escape(text, false);
    // The context and the internal query can be code, so their line breaks stay.
    for (char **text : {&error->context, &error->internalquery})
        escape(text, true);
    if (next_log_hook != nullptr)
        next_log_hook(error);
}

void find_conversions() {
    StartTransactionCommand();
    text_prepare();
    CommitTransactionCommand();
}

} // namespace

void process_describe(BackgroundWorker *process, const char *function, const char *name) {
    *process = {};
    process->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    process->bgw_start_time = BgWorkerStart_RecoveryFinished;
    process->bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(process->bgw_library_name, library_name, sizeof(process->bgw_library_name));
    strlcpy(process->bgw_function_name, function, sizeof(process->bgw_function_name));
    strlcpy(process->bgw_name, name, sizeof(process->bgw_name));
    strlcpy(process->bgw_type, name, sizeof(process->bgw_type));
}

void process_begin() {
    return_memory();
    next_log_hook = emit_log_hook;
    emit_log_hook = escape_in_log;
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    process_refuse_cancel();
    BackgroundWorkerUnblockSignals();
}

void process_allow_cancel() {
    QueryCancelHoldoffCount = 0;
}

void process_refuse_cancel() {
    QueryCancelHoldoffCount = 1;
}

void process_connect(const char *database) {
    BackgroundWorkerInitializeConnection(database, nullptr, 0);
    SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_SUSET, PGC_S_OVERRIDE);
    if (database == nullptr)
        return;
    protect_session();
    find_conversions();
}

bool process_interrupts() {
    // a worker under load never sleeps, so only this check finds out that the postmaster has died
    if (!PostmasterIsAlive())
        proc_exit(1);
    QueryCancelPending = false; // no statement is running here, so there is nothing to cancel
    CHECK_FOR_INTERRUPTS();
    return process_take_reload();
}

bool process_take_reload() {
    if (!ConfigReloadPending)
        return false;
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
    return true;
}

uint32_t process_wait_event(ProcessWait wait) {
    static uint32 events[2];
    static const char *const names[] = {"HeartbeatMessages", "HeartbeatRest"};
    auto index = static_cast<int>(wait);
    if (events[index] == 0)
        events[index] = new_wait_event(names[index]);
    return events[index];
}

void process_sleep(long milliseconds) {
    pgstat_report_stat(true);
    int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    WaitLatch(MyLatch, events, milliseconds, process_wait_event(ProcessWait::rest));
    ResetLatch(MyLatch);
}

} // namespace heartbeat
