// Vacuums and rewrites small tables whose rows ingest and the rollup replace all the time. While a session
// keeps an old snapshot, for example for a dump, no vacuum can remove the rows that the snapshot sees. So the
// tables grow. After the end of this session a vacuum removes the rows, but the file keeps its size. Only a
// rewrite makes the file smaller.
#include "server/server.h"

#include "maintenance/rollup_space.h"
#include "server/clock.h"
#include "server/compat.h"
#include "server/extension.h"
#include "server/statement.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// The worker looks whether to vacuum and to rewrite the tables after this number of removed rows. It does not
// leave the vacuum to autovacuum, which would come too late. After look_every the worker looks in any case,
// because heartbeat_offsets also grows without removed rows.
constexpr int64_t look_after = 8192;
constexpr MonotonicTime look_every = 10 * INT64CONST(60) * USECS_PER_SEC;
int64_t removed_since_look = 0;
MonotonicTime looked_at = 0;

// A vacuum reads the whole table. If an old snapshot keeps many dead rows, each vacuum takes long and removes
// nothing. So the next vacuum waits until the worker has removed at least a quarter as many rows as there are
// dead rows, or until vacuum_every has passed.
constexpr int64_t dead_per_removed = 4;
constexpr MonotonicTime vacuum_every = 5 * INT64CONST(60) * USECS_PER_SEC;
int64_t removed_since_vacuum = 0;
MonotonicTime vacuumed_at = 0;
int64_t dead_rows = 0; // of the vacuumed tables, when the worker last looked

// A rewrite stops ingest and the queries of the table until the new file is complete. So the worker rewrites
// a table only if the new file needs at most rewritten_bytes_max, and less than a quarter of the old file.
// The statement also counts the dead rows that a vacuum has left, because an old snapshot still sees these
// rows, and the new file must have them.
constexpr int64_t rewrite_bytes_min = 4 << 20;
constexpr int64_t rewritten_bytes_max = 16 << 20;

struct Table {
    const char *name;
    bool is_vacuumed;
    int64_t row_bytes;    // a usual row needs at most this number of bytes in a new file
    int64_t dead_bytes;   // the same for a dead row
    int64_t rewrite_from; // the worker does not rewrite a smaller file
};

// A page of heartbeat_offsets has room for updates, so a new page has only one row.
Table tables[] = {{"heartbeat_rollup_pending", true, 100, 100, rewrite_bytes_min},
                  {"heartbeat_stale_minutes", true, 100, 100, rewrite_bytes_min},
                  {"heartbeat_offsets", false, BLCKSZ, 1000, rewrite_bytes_min}};

Statement select_sparse = {{OIDOID, INT8OID, INT8OID, INT8OID, INT8OID}, R"sql(
    SELECT pg_relation_size(c.oid) > greatest($2, 4 * r.bytes) AND r.bytes <= $3
    FROM pg_catalog.pg_class c
        CROSS JOIN LATERAL (SELECT $4 * c.reltuples + $5 * pg_stat_get_dead_tuples(c.oid) AS bytes) r
    WHERE c.oid = $1 AND c.relkind = 'r' AND c.reltuples >= 0)sql"};

Statement select_bytes = {{OIDOID}, R"sql(SELECT pg_relation_size($1))sql"};
Statement select_dead = {{OIDOID}, R"sql(SELECT pg_stat_get_dead_tuples($1))sql"};

// A rewrite needs a lock that no other session may share. The worker does not wait in the queue for this
// lock, because ingest and the queries would wait behind the worker. Instead the worker tries to take the
// lock at most this number of times.
constexpr int lock_attempts = 50;
constexpr long lock_pause_us = 10'000;

bool try_lock(Oid table) {
    for (int i = 0; i < lock_attempts; i++) {
        if (ConditionalLockRelationOid(table, AccessExclusiveLock))
            return true;
        pg_usleep(lock_pause_us);
        CHECK_FOR_INTERRUPTS();
    }
    return false;
}

int64_t number_of(Statement *statement, Oid oid) {
    Datum value = ObjectIdGetDatum(oid);
    statement_execute(statement, &value, nullptr, SPI_OK_SELECT);
    return statement_int8(0, 1);
}

bool is_sparse(const Table &table, Oid oid) {
    Datum values[] = {ObjectIdGetDatum(oid), Int64GetDatum(table.rewrite_from),
                      Int64GetDatum(rewritten_bytes_max), Int64GetDatum(table.row_bytes),
                      Int64GetDatum(table.dead_bytes)};
    return statement_execute(&select_sparse, values, nullptr, SPI_OK_SELECT) == 1 && statement_bool(0, 1);
}

void rewrite(Table *table, Oid oid) {
    rewrite_table(oid);
    // If track_counts is off, select_sparse counts no dead rows, and the new file can be as large as the old
    // file. So the next rewrite waits until the file is twice as large as now.
    table->rewrite_from = std::max(rewrite_bytes_min, 2 * number_of(&select_bytes, oid));
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION), errmsg("heartbeat: rewrote \"%s\"", table->name),
                  errdetail("Deleted rows had made the table large."), errhidecontext(true)));
}

// Rewrites the sparse tables, and counts the dead rows of the vacuumed tables.
void look() {
    dead_rows = 0;
    for (Table &table : tables) {
        Extension extension;
        if (!transaction_begin(&extension, XACT_READ_COMMITTED))
            return;
        Oid oid = extension_table(table.name);
        if (table.is_vacuumed)
            dead_rows += number_of(&select_dead, oid);
        if (is_sparse(table, oid) && try_lock(oid))
            rewrite(&table, oid);
        transaction_commit();
    }
}

void vacuum_all() {
    Extension extension;
    MemoryContext before = CurrentMemoryContext;
    // all calls use this one context: if each call created a context, an error would skip its deletion
    static MemoryContext context = nullptr;
    if (context == nullptr)
        context = AllocSetContextCreate(TopMemoryContext, "heartbeat vacuum", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(context);
    StartTransactionCommand();
    if (extension_find(&extension)) {
        MemoryContextSwitchTo(context);
        List *relations = NIL;
        for (const Table &table : tables)
            if (table.is_vacuumed)
                relations = lappend(relations, makeVacuumRelation(nullptr, extension_table(table.name), NIL));
        vacuum_tables(relations, context);
        MemoryContextSwitchTo(before);
    }
    CommitTransactionCommand();
    MemoryContextSwitchTo(before);
}

} // namespace

void rollup_space_removed(int64_t rows) {
    removed_since_look += rows;
    removed_since_vacuum += rows;
}

void rollup_space_free() {
    MonotonicTime now = monotonic_now();
    if (removed_since_look < look_after && now < looked_at + look_every)
        return;
    bool vacuums =
        removed_since_look >= look_after &&
        (removed_since_vacuum >= dead_rows / dead_per_removed || now >= vacuumed_at + vacuum_every);
    removed_since_look = 0;
    looked_at = now;
    if (vacuums) {
        removed_since_vacuum = 0;
        vacuumed_at = now;
        vacuum_all();
    }
    look();
}

} // namespace heartbeat
