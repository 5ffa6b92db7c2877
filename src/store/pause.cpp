// Orders pauses and batches. A pause commits either before a batch checks for it, or after this batch has
// committed. For this, pause_check() takes a SHARE lock on heartbeat_control. The lock conflicts with every
// change of heartbeat_control, but with no other lock of the workers.
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
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

// A pause of all sources has an empty name.
Statement select_state = {{TEXTOID, INT4OID, INT8OID}, R"sql(
    SELECT
        EXISTS (SELECT FROM @extschema@.heartbeat_control WHERE paused AND source IN ('', $1)),
        EXISTS (
            SELECT FROM @extschema@.heartbeat_source_definitions
            WHERE source_id = $2 AND revision = $3 AND dropped_at IS NULL))sql"};

// In a database of version 1.1 or 1.2.
Statement select_paused = {R"sql(
    SELECT FROM @extschema@.heartbeat_control WHERE paused)sql"};

Statement select_restore = {R"sql(
    SELECT FROM @extschema@.heartbeat_control WHERE hold = 'restore')sql"};

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

SourceState pause_check(const Source &source) {
    Extension before = extension_known(), now;
    LockRelationOid(extension_table("heartbeat_control"), ShareLock);
    // heartbeat_set_owner() locks this table too: the transaction acts as a role that is no longer the owner
    if (!extension_find(&now) || now.owner != before.owner || now.schema != before.schema)
        return SourceState::changed;
    // SPI takes a new snapshot for this statement. So if the lock has waited for a change, the statement sees
    // this change
    if (!offsets_have_sources()) {
        bool paused = statement_execute(&select_paused, nullptr, nullptr, SPI_OK_SELECT) > 0;
        return paused ? SourceState::paused : SourceState::unchanged;
    }
    Datum values[3] = {CStringGetTextDatum(source.name), Int32GetDatum(source.id),
                       Int64GetDatum(source.revision)};
    statement_execute(&select_state, values, nullptr, SPI_OK_SELECT);
    if (!statement_bool(0, 2))
        return SourceState::changed;
    return statement_bool(0, 1) ? SourceState::paused : SourceState::unchanged;
}

} // namespace heartbeat
