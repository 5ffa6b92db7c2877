// The table layout of the readings' tables and their rollup. A table layout defines which server has the
// rows, and how a transaction of the workers reaches the rows. Each table layout is a TablesLayout in files
// of its own, such as local_tables.cpp. module.cpp registers the table layouts. All other files call the
// functions of this header, and do not depend on a table layout.
#pragma once

#include "server/server.h"

namespace heartbeat {

struct Rows;

// The reason why the workers of this server must not ingest.
struct WrongServer {
    const char *reason;
    const char *hint;
};

// The result of one call of `fold`.
struct RollupFold {
    bool more;       // rows remain: call `fold` again, in a new transaction
    int64_t removed; // rows removed from heartbeat_rollup_pending: a vacuum follows after many removed rows
};

// The members of a table layout. If a table layout is not in use, callers call only these functions:
// `is_in_use`, `prepare_process`, `recover`, `wrong_server` and `may_be_of_row`. If a table layout does not
// set a function, the default of this function does nothing.
struct TablesLayout {
    // Call this function in a transaction, after extension_find(). Returns true if the tables have this table
    // layout.
    bool (*is_in_use)() = [] { return true; };

    // Call this function at the start of a process. Sets the settings that the process needs for this table
    // layout. A process calls this function even if the tables have another table layout, because the table
    // layout can change later.
    void (*prepare_process)() = [] {};
    // Call this function outside of a transaction, at the start of a process and after each error. A
    // transaction that failed can leave prepared transactions (of a two-phase commit) on other servers. The
    // function commits these prepared transactions, or rolls them back.
    void (*recover)() = [] {};
    // Call this function in a transaction. Returns nullptr if the workers of this server may ingest.
    const WrongServer *(*wrong_server)() = []() -> const WrongServer * { return nullptr; };
    // Call this function once for each error that a worker catches. Returns true if the error may be about a
    // row, even if subtransaction_is_row_error() returns false for this error.
    bool (*may_be_of_row)(const ErrorData *error) = [](const ErrorData * /*error*/) { return false; };

    // Rows of heartbeat_stale_minutes are called marks. If a transaction will delete marks, call hold_marks()
    // before the transaction takes its snapshot. A snapshot that sees a mark then also sees all readings of
    // the marked minute. If hold_marks() returns true, the caller must call release_marks() after it has
    // taken the snapshot.
    bool (*hold_marks)() = [] { return false; };
    void (*release_marks)() = [] {};
    // Call this function before the commit of a transaction that may have written to the tables.
    void (*prepare_commit)() = [] {};

    // Inserts all rows of a batch into one table, and sets `stored` and `heart_rates`. When the function is
    // called, *replaying is true if the table already had rows of the previous batch. The function sets
    // *replaying to true if the table already had rows of this batch, and otherwise to false.
    void (*insert)(Rows *rows, bool *replaying);
    // `keys` has three arrays: the customers, the times and the devices of the keys. Executes a SELECT. If a
    // stored reading has prevented the insert of a key, the SELECT returns a row, in the order of the keys.
    // The row has the index of the key, the stored heart rate, and a boolean. The boolean is true if the
    // stored reading has the same device. If it is false, the primary key of the table partition does not
    // contain the device. Returns the number of rows.
    uint64_t (*select_stored)(bool anomalies, const Datum *keys);
    bool bulk_insert;  // the table partitions of this server have the rows, so a bulk insert is possible
    bool cheap_lookup; // a search for one key reads only an index of this server

    // Call this function in a transaction that has called hold_marks() before its snapshot. Moves rows of
    // heartbeat_rollup_pending to heartbeat_rollup. Limits the number of moved rows, so that the transaction
    // stays short.
    RollupFold (*fold)();
    // Call this function in the same kind of transaction as `fold`. Removes the marks of the minutes, and
    // makes the rollup of these minutes from the readings. `minutes` has three elements: a timestamptz[] with
    // each minute once, the first minute, and the last minute. Returns how many rows the function has removed
    // from heartbeat_stale_minutes and heartbeat_rollup_pending.
    int64_t (*rebuild)(const Datum *minutes);
    // 0: the caller of rebuild() can pass any number of minutes, and the minutes can be any time apart.
    // Another number: the caller passes at most this number of minutes, and the first and the last minute are
    // less than one hour apart.
    int64_t rebuild_minutes;
};

// Call this function when the library is loaded. If other->is_in_use() returns true, the tables have the
// table layout `other`. Otherwise the tables have the table layout `usual`.
void tables_register(const TablesLayout *usual, const TablesLayout *other);

// Returns the table layout. The function chooses the table layout at the first call in a transaction. While
// this transaction waits for a lock, another transaction can change the table layout. So the function chooses
// again after any table has changed. The choice stays valid as long as the caller holds a lock on one of the
// tables, or the lock of pause_check() on heartbeat_control.
const TablesLayout &tables_layout();

// These functions are the hooks of server/transaction.h.
void tables_begin();
bool tables_hold_marks();
void tables_release_marks();
void tables_prepare_commit();

// Each of these functions calls the function of the same name in every table layout.
void tables_prepare_process();
void tables_recover();
const WrongServer *tables_wrong_server();
bool tables_may_be_of_row(const ErrorData *error);

} // namespace heartbeat
