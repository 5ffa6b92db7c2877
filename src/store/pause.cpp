// Orders pauses and batches. A pause commits either before a batch checks for it, or after this batch has
// committed. For this, pause_check() takes a SHARE lock on heartbeat_control. The lock conflicts with every
// change of heartbeat_control, but with no other lock of the workers.
#include "server/server.h"

#include "server/extension.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/pause.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

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

bool pause_check() {
    LockRelationOid(extension_table("heartbeat_control"), ShareLock);
    // SPI takes a new snapshot for this statement. So if the lock has waited for a change, the statement sees
    // this change
    return statement_execute(&select_paused, nullptr, nullptr, SPI_OK_SELECT) > 0;
}

} // namespace heartbeat
