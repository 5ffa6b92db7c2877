// Makes sure that no pause commits while a batch of the source is in progress: a batch and a pause take
// conflicting locks. So a pause commits before the batch looks for a pause, or after the batch has committed.
// There is a lock for each source, and one lock for all sources. So a session that changes one source delays
// only the batches of this source. The locks conflict with no other lock of the workers.
#include "server/server.h"

#include "server/extension.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/offsets.h"
#include "store/pause.h"
#include "store/sources.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

// In heartbeat_control, a row whose `source` is empty pauses all sources.
Statement select_state = {{TEXTOID, INT4OID, INT8OID}, R"sql(
    SELECT
        EXISTS (SELECT FROM @extschema@.heartbeat_control WHERE paused AND source IN ('', $1)),
        EXISTS (
            SELECT FROM @extschema@.heartbeat_source_definitions
            WHERE source_id = $2 AND revision = $3 AND dropped_at IS NULL))sql"};

// Replaces select_state in a database of version 1.1 or 1.2.
Statement select_paused = {R"sql(
    SELECT FROM @extschema@.heartbeat_control WHERE paused)sql"};

Statement select_restore = {R"sql(
    SELECT FROM @extschema@.heartbeat_control WHERE hold = 'restore')sql"};

// A batch waits at most this time for the lock of a source. The time is long enough for the server to report
// the wait: see lock_wait.cpp.
constexpr char wait_takes[] = "300ms";

// The lock of a source is an object lock. PostgreSQL's own object locks name a catalog and the OID of an
// object. This lock names heartbeat_source_definitions and the id of the source instead. No SQL statement
// takes a lock on such an object, so a user cannot block ingest with such a lock.
LOCKTAG tag_of(int32_t source_id, uint16_t part) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, extension_table("heartbeat_source_definitions"),
                       static_cast<uint32_t>(source_id), part);
    return tag;
}

LOCKTAG tag_of_source(int32_t source_id) {
    return tag_of(source_id, 0);
}

LOCKTAG tag_of_all() {
    return tag_of(0, 1);
}

bool acquire(const LOCKTAG &tag, LOCKMODE mode, bool waits) {
    return LockAcquire(&tag, mode, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

// Takes the lock of the source for a batch. If another session has a conflicting lock, the function returns
// false at once. But if `waits` is true, the function waits for the lock, and raises an error after
// wait_takes.
bool share_source(const Source &source, bool waits) {
    int level = NewGUCNestLevel();
    if (waits)
        set_config_option("lock_timeout", wait_takes, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                          false);
    bool acquired = acquire(tag_of_source(source.id), ShareLock, waits);
    AtEOXact_GUC(true, level);
    return acquired;
}

} // namespace

bool pause_for_maintenance() {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return false;
    bool rests = tables_wrong_server() != nullptr ||
                 statement_execute(&select_restore, nullptr, nullptr, SPI_OK_SELECT) > 0;
    transaction_commit();
    return rests;
}

void pause_lock_source(int32_t source_id) {
    acquire(tag_of_source(source_id), RowExclusiveLock, true);
}

void pause_lock_all() {
    acquire(tag_of_all(), RowExclusiveLock, true);
}

SourceState pause_check(const Source &source, bool waits) {
    Extension before = extension_known(), now;
    // Three operations lock heartbeat_control: heartbeat_set_owner(), a change of the table layout, and ALTER
    // EXTENSION heartbeat UPDATE. If this transaction has waited for heartbeat_set_owner(), it still acts as
    // the former owner, and must begin again.
    LockRelationOid(extension_table("heartbeat_control"), RowShareLock);
    if (!extension_find(&now) || now.owner != before.owner || now.schema != before.schema)
        return SourceState::changed;
    // This transaction may have waited until another session committed a change. The next statement sees this
    // change, because SPI takes a new snapshot for each statement.
    if (!offsets_have_sources()) {
        // In versions 1.1 and 1.2, heartbeat_pause() writes to heartbeat_control, and takes no lock of a
        // source. This SHARE lock makes heartbeat_pause() wait until the batch has committed.
        LockRelationOid(extension_table("heartbeat_control"), ShareLock);
        bool paused = statement_execute(&select_paused, nullptr, nullptr, SPI_OK_SELECT) > 0;
        return paused ? SourceState::paused : SourceState::unchanged;
    }
    acquire(tag_of_all(), ShareLock, true);
    if (!share_source(source, waits))
        return SourceState::busy;
    Datum values[3] = {CStringGetTextDatum(source.name), Int32GetDatum(source.id),
                       Int64GetDatum(source.revision)};
    statement_execute(&select_state, values, nullptr, SPI_OK_SELECT);
    if (!statement_bool(0, 2))
        return SourceState::changed;
    return statement_bool(0, 1) ? SourceState::paused : SourceState::unchanged;
}

} // namespace heartbeat
