// The entry point of the shared library. PostgreSQL calls _PG_init() when it loads the library. This file
// also sets pointers to functions. Through these pointers, server/transaction.cpp, store/tables.cpp and
// store/announce.cpp call functions whose headers these three files must not include.
#include "server/server.h"

#include "launcher.h"
#include "monitor/shared_state.h"
#include "server/compat.h"
#include "server/settings.h"
#include "server/transaction.h"
#include "store/announce.h"
#include "store/distributed_tables.h"
#include "store/local_tables.h"

extern "C" {
HEARTBEAT_MODULE_MAGIC
PGDLLEXPORT void _PG_init(void); // NOLINT(bugprone-reserved-identifier): PostgreSQL calls this name
}

extern "C" void _PG_init(void) {
    heartbeat::settings_define();
    heartbeat::announce_count_dropped_by(heartbeat::shared_state_announcement_dropped);
    heartbeat::tables_register(&heartbeat::local_tables, &heartbeat::distributed_tables);
    heartbeat::transaction_set_hooks({heartbeat::tables_begin, heartbeat::tables_hold_marks,
                                      heartbeat::tables_release_marks, heartbeat::tables_prepare_commit,
                                      heartbeat::announce_committing});
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
        return;
    heartbeat::shared_state_request();
    heartbeat::launcher_register();
}
