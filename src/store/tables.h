// The layout of the tables of readings and of their rollup: which server has their rows, and how a
// transaction of the workers reaches them. Each layout is a TablesLayout in files of its own, such as
// local_tables.cpp. module.cpp registers the layouts. All other files call the functions here, and do not
// know the layouts.
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
    bool more;       // rows remain: call it again, in a new transaction
    int64_t removed; // rows that the maintenance worker must count until it vacuums the table
};

// Only `prepare_process`, `recover`, `wrong_server` and `may_be_of_row` are called for a layout that is not
// in use. A function that a layout leaves out does nothing.
struct TablesLayout {
    // Call it in a transaction, after extension_find(). Returns true if the tables have this layout.
    bool (*is_in_use)() = [] { return true; };

    // Call it at the start of a process. Sets what this process needs, also for a later change of the layout.
    void (*prepare_process)() = [] {};
    // Call it outside of a transaction, at the start of a process and after each error. Ends the transactions
    // that earlier attempts have left prepared.
    void (*recover)() = [] {};
    // Call it in a transaction. Returns nullptr if the workers of this server may ingest.
    const WrongServer *(*wrong_server)() = []() -> const WrongServer * { return nullptr; };
    // Call it once for each error that a worker catches. True if the error may be about a row although its
    // SQLSTATE does not say so.
    bool (*may_be_of_row)(const ErrorData *error) = [](const ErrorData * /*error*/) { return false; };

    // Call it around the snapshot of a transaction that deletes rows of heartbeat_stale_minutes (the marks).
    // The snapshot must not see a mark if it does not see the readings of that minute. hold_marks() returns
    // true if release_marks() must be called after the snapshot was taken.
    bool (*hold_marks)() = [] { return false; };
    void (*release_marks)() = [] {};
    // Call it before the commit of a transaction that may have written to the tables.
    void (*prepare_commit)() = [] {};

    // Inserts all rows of a batch into one table, and fills in `stored` and `heart_rates`. `replaying` says
    // that the previous batch had rows which the table had already; the function sets it for this batch.
    void (*insert)(Rows *rows, bool *replaying);
    // Executes a SELECT of the places, from 0, of the keys that the table does not have. Returns their
    // number. `keys` are the arrays of customers and of times.
    uint64_t (*select_missing)(bool anomalies, const Datum *keys);
    bool bulk_insert;  // the table partitions on this server have the rows, so a bulk insert can add to them
    bool cheap_lookup; // a search for one key reads only an index of this server

    // Call it in a transaction that holds hold_marks()'s snapshot. Moves rows of heartbeat_rollup_pending to
    // heartbeat_rollup, few enough to keep the transaction short.
    RollupFold (*fold)();
    // Call it in such a transaction. Removes the marks of the minutes, and makes their rollup from the
    // readings. `minutes` has three elements: timestamptz[] with each minute once, the first and the last
    // minute. Returns how many rows it has removed from heartbeat_stale_minutes and heartbeat_rollup_pending.
    int64_t (*rebuild)(const Datum *minutes);
    // The number of minutes of one rebuild, which are all within one hour. 0: the caller chooses the number,
    // and the minutes may be of different hours.
    int64_t rebuild_minutes;
};

// Call it when the library is loaded. The tables have the layout `other` when that layout says so, otherwise
// the layout `usual`.
void tables_register(const TablesLayout *usual, const TablesLayout *other);

// Returns the layout of the tables. The layout is chosen when a transaction asks for the first time, and
// again if a table has changed since: the transaction may have waited for one that changes the layout. The
// answer stays true as long as the caller holds a lock on one of the tables, or on heartbeat_control as
// pause_check() takes it.
const TablesLayout &tables_layout();

// The hooks of server/transaction.h.
void tables_begin();
bool tables_hold_marks();
void tables_release_marks();
void tables_prepare_commit();

// These call the function of this name of each layout.
void tables_prepare_process();
void tables_recover();
const WrongServer *tables_wrong_server();
bool tables_may_be_of_row(const ErrorData *error);

} // namespace heartbeat
