// The table layout of the tables with readings and of their rollup. A table layout defines which server has
// the rows, and how a transaction of the workers reads and writes the rows. Each table layout is a
// TablesLayout in files of its own, such as local_tables.cpp. module.cpp registers the table layouts. All
// other files call the functions of this header, and do not depend on a table layout.
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

// If a table layout is not in use, only these functions of it are called: `is_in_use`, `prepare_process`,
// `recover`, `wrong_server` and `may_be_of_row`. A function that a table layout does not set does nothing.
struct TablesLayout {
    // Call this function in a transaction, after extension_find(). Returns true if the tables have this table
    // layout.
    bool (*is_in_use)() = [] { return true; };

    // Call this function at the start of a process, even if the tables have another table layout: the table
    // layout can change later. Sets the settings that the process needs for this table layout.
    void (*prepare_process)() = [] {};
    // Call this function outside of a transaction, at the start of a process and after each error. A
    // transaction that failed can leave prepared transactions (of a two-phase commit) on other servers. The
    // function commits these prepared transactions, or rolls them back.
    void (*recover)() = [] {};
    // Call this function in a transaction. Returns nullptr if the workers of this server may ingest.
    const WrongServer *(*wrong_server)() = []() -> const WrongServer * { return nullptr; };
    // Call this function once for each error that a worker catches. Returns true if the error may be the
    // fault of a row although subtransaction_is_row_error() returns false.
    bool (*may_be_of_row)(const ErrorData *error) = [](const ErrorData * /*error*/) { return false; };

    // Rows of heartbeat_stale_minutes are called marks. If a transaction will delete marks, call hold_marks()
    // before the transaction takes its snapshot. A snapshot that sees a mark then also sees all readings of
    // the marked minute. If hold_marks() returns true, the caller must call release_marks() after it has
    // taken the snapshot.
    bool (*hold_marks)() = [] { return false; };
    void (*release_marks)() = [] {};
    // Call this function before the commit of a transaction that may have written to the tables.
    void (*prepare_commit)() = [] {};

    // Inserts all rows of a batch into one table, and sets `stored` and `heart_rates` of *rows. The caller
    // sets *replaying to true if the table already had rows of the previous batch. The function sets
    // *replaying to true or false in the same way for this batch.
    void (*insert)(Rows *rows, bool *replaying);
    // `keys` has three arrays: the customers, the times and the devices of the keys. Executes a SELECT, and
    // returns the number of its rows. The SELECT returns a row for each key whose insert a stored reading has
    // prevented, in the order of the keys. The columns are the index of the key, the stored heart rate, and
    // whether the stored reading has the same device. The device can differ only if the primary key of the
    // table partition does not contain the device.
    uint64_t (*select_stored)(bool anomalies, const Datum *keys);
    bool bulk_insert;  // the table partitions of this server have the rows, so a bulk insert is possible
    bool cheap_lookup; // a search for one key reads only an index of this server

    // Call hold_marks() before the snapshot of the transaction, and then this function. Moves a limited
    // number of rows from heartbeat_rollup_pending to heartbeat_rollup, so the transaction is short.
    RollupFold (*fold)();
    // Call hold_marks() before the snapshot of the transaction, and then this function. Removes the marks of
    // the minutes, and computes the rollup of these minutes from the readings. `minutes` has three elements:
    // a timestamptz[] with each minute once, the first minute, and the last minute. Returns how many rows the
    // function has removed from heartbeat_stale_minutes and heartbeat_rollup_pending.
    int64_t (*rebuild)(const Datum *minutes);
    // The highest number of minutes in one call of rebuild(); the first and the last minute must be less than
    // one hour apart. 0: the number of minutes and the time between them have no limit.
    int64_t rebuild_minutes;
};

// Call this function when the library is loaded. The tables have the table layout `other` if
// other->is_in_use() returns true, and otherwise `usual`.
void tables_register(const TablesLayout *usual, const TablesLayout *other);

// Returns the table layout. The first call in a transaction looks for the table layout, and later calls
// return the same layout. While the transaction waits for a lock, another transaction can change the table
// layout. So after a change of any table, the next call looks again. The table layout cannot change while the
// caller holds a lock on one of the tables, or the lock of pause_check() on heartbeat_control.
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
