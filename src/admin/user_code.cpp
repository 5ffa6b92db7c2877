// Implements heartbeat_refuse_user_code(), heartbeat_notify() and heartbeat_announcements_dropped(). The SQL
// functions of the extension call heartbeat_refuse_user_code() before they write to a bookkeeping table. The
// SQL functions send NOTIFY with heartbeat_notify(). heartbeat_announcements_dropped() returns how many
// notifications heartbeat could not send.
#include "server/server.h"

#include "monitor/shared_state.h"
#include "server/extension.h"
#include "server/user_code.h"
#include "store/announce.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(heartbeat_refuse_user_code);
PG_FUNCTION_INFO_V1(heartbeat_notify);
PG_FUNCTION_INFO_V1(heartbeat_announcements_dropped);
}

using namespace heartbeat;

extern "C" Datum heartbeat_refuse_user_code(PG_FUNCTION_ARGS) {
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    Datum *tables;
    bool *nulls;
    int count;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables, &nulls,
                      &count);
    for (int i = 0; i < count; i++) {
        if (nulls[i])
            continue;
        if (!SearchSysCacheExists1(RELOID, tables[i]))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                            errmsg("there is no table with OID %u", DatumGetObjectId(tables[i]))));
        user_code_refuse(DatumGetObjectId(tables[i]));
    }
    PG_RETURN_VOID();
}

extern "C" Datum heartbeat_notify(PG_FUNCTION_ARGS) {
    announce(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
    PG_RETURN_VOID();
}

extern "C" Datum heartbeat_announcements_dropped(PG_FUNCTION_ARGS) {
    if (!shared_state_serves_database())
        PG_RETURN_NULL();
    PG_RETURN_INT64(static_cast<int64_t>(pg_atomic_read_u64(&shared_state->announcements_dropped)));
}
