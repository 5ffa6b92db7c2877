// Looks in pg_locks for the holder of a lock. The holder can also be a prepared transaction, which has no
// process and no row in pg_stat_activity. obstacles.cpp and status.cpp call lock_holders_find().
#include "server/server.h"

#include "monitor/lock_holders.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace heartbeat {

namespace {

constexpr StatementPart select_holders = {"@select_holders@", R"sql(
    SELECT l.pid, x.gid::text, coalesce(x.owner, a.usename)::text, a.application_name::text, a.state::text,
        to_char(coalesce(x.prepared, a.xact_start), 'YYYY-MM-DD HH24:MI:SS TZ'), l.granted,
        a.backend_type::text, coalesce(x.database, a.datname)::text
    FROM pg_catalog.pg_locks l
        LEFT JOIN (
            SELECT t.virtualtransaction, p.gid, p.owner, p.prepared, p.database
            FROM pg_catalog.pg_locks t
                JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
            WHERE t.pid IS NULL) x
            ON l.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
        LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid)sql"};
constexpr StatementPart choose_holder = {"@choose_holder@", R"sql(
    ORDER BY a.backend_type LIKE 'heartbeat%' NULLS FIRST, l.granted DESC,
        coalesce(x.prepared, a.xact_start)
    LIMIT 1)sql"};

// $1 is the kind of the lock, and $2 to $7 identify the locked object. $8 contains the lock modes that
// conflict with the lock mode that heartbeat has requested. If $9 is true, the result can also be a session
// that itself waits for the lock.
Statement select_holder = {
    {TEXTOID, OIDOID, OIDOID, INT4OID, INT2OID, TEXTOID, OIDOID, TEXTARRAYOID, BOOLOID},
    {select_holders, choose_holder},
    R"sql(
    @select_holders@
    WHERE l.locktype = $1 AND l.database IS NOT DISTINCT FROM $2 AND l.relation IS NOT DISTINCT FROM $3
        AND l.page IS NOT DISTINCT FROM $4 AND l.tuple IS NOT DISTINCT FROM $5
        AND l.transactionid::text IS NOT DISTINCT FROM $6 AND l.objid IS NOT DISTINCT FROM $7
        AND l.mode = ANY ($8) AND (l.granted OR $9) AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
        AND (l.granted OR a.backend_type IS NULL OR a.backend_type NOT LIKE 'heartbeat%')
    @choose_holder@)sql"};

Statement select_any_holder = {{select_holders, choose_holder}, R"sql(
    @select_holders@
    WHERE l.granted AND l.locktype = 'relation'
        AND l.relation IN (
            SELECT d.objid
            FROM pg_catalog.pg_depend d
                JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
                AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.extname = 'heartbeat'
            UNION ALL SELECT h.inhrelid
            FROM pg_catalog.pg_inherits h
                JOIN pg_catalog.pg_class c ON c.oid = h.inhparent
                JOIN pg_catalog.pg_extension e
                    ON e.extnamespace = c.relnamespace AND e.extname = 'heartbeat'
            WHERE c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup'))
        AND (a.backend_type IS NULL OR a.backend_type NOT LIKE 'heartbeat%')
        AND l.database = (
            SELECT d.oid FROM pg_catalog.pg_database d
            WHERE d.datname = pg_catalog.current_database())
    @choose_holder@)sql"};

struct Found {
    bool any;
    int32_t pid; // 0: a prepared transaction
    const char *gid, *user, *application, *state, *since, *backend_type, *database;
    bool granted;
};

const char *or_unknown(const char *text) {
    return text == nullptr ? "?" : text;
}

Found read_found() {
    Found found = {};
    found.any = SPI_processed > 0;
    if (!found.any)
        return found;
    bool null;
    Datum pid = statement_value(0, 1, INT4OID, &null);
    found.pid = null ? 0 : DatumGetInt32(pid);
    found.gid = statement_text(0, 2);
    found.user = statement_text(0, 3);
    found.application = statement_text(0, 4);
    found.state = statement_text(0, 5);
    found.since = statement_text(0, 6);
    found.granted = statement_bool(0, 7);
    found.backend_type = statement_text(0, 8);
    found.database = statement_text(0, 9);
    return found;
}

// Returns the names of the modes that conflict with `mode`. pg_locks uses the same names.
Datum conflicting_modes(LOCKMODE mode) {
    const char *names[MAX_LOCKMODES];
    size_t count = 0;
    for (LOCKMODE other = AccessShareLock; other <= AccessExclusiveLock; other++)
        if (DoLockModesConflict(mode, other))
            names[count++] = GetLockmodeName(DEFAULT_LOCKMETHOD, other);
    return array_of_names(count, [&](size_t i) { return names[i]; });
}

const char *kind_of(const LOCKTAG &tag) {
    switch (static_cast<LockTagType>(tag.locktag_type)) {
    case LOCKTAG_RELATION:
        return "relation";
    case LOCKTAG_RELATION_EXTEND:
        return "extend";
    case LOCKTAG_TUPLE:
        return "tuple";
    case LOCKTAG_TRANSACTION:
        return "transactionid";
    case LOCKTAG_OBJECT:
        return "object";
    default:
        return nullptr;
    }
}

bool is_of_relation(const LOCKTAG &tag) {
    return tag.locktag_type == LOCKTAG_RELATION || tag.locktag_type == LOCKTAG_RELATION_EXTEND ||
           tag.locktag_type == LOCKTAG_TUPLE;
}

Found find(const LOCKTAG &tag, LOCKMODE mode, bool waiting_too) {
    Datum values[9] = {CStringGetTextDatum(kind_of(tag))};
    char nulls[10] = " nnnnnn  ";
    bool object = tag.locktag_type == LOCKTAG_OBJECT;
    if (is_of_relation(tag) || object) {
        values[1] = ObjectIdGetDatum(tag.locktag_field1);
        nulls[1] = ' ';
    }
    if (is_of_relation(tag)) {
        values[2] = ObjectIdGetDatum(tag.locktag_field2);
        nulls[2] = ' ';
    }
    if (tag.locktag_type == LOCKTAG_TUPLE) {
        values[3] = Int32GetDatum(static_cast<int32>(tag.locktag_field3));
        values[4] = Int16GetDatum(static_cast<int16>(tag.locktag_field4));
        nulls[3] = nulls[4] = ' ';
    }
    if (tag.locktag_type == LOCKTAG_TRANSACTION) {
        values[5] = CStringGetTextDatum(psprintf("%u", tag.locktag_field1));
        nulls[5] = ' ';
    }
    if (object) {
        values[6] = ObjectIdGetDatum(tag.locktag_field3);
        nulls[6] = ' ';
    }
    values[7] = conflicting_modes(mode);
    values[8] = BoolGetDatum(waiting_too);
    statement_execute(&select_holder, values, nulls, SPI_OK_SELECT);
    return read_found();
}

// Returns a phrase with the name of the locked object. The phrase begins with a space.
const char *object_of(const AwaitedLock &awaited) {
    const LOCKTAG &tag = awaited.tag;
    if (!awaited.any)
        return " on a table of heartbeat";
    if (tag.locktag_type == LOCKTAG_TRANSACTION)
        return " on a row";
    const char *name = is_of_relation(tag) && tag.locktag_field1 == MyDatabaseId
                           ? get_rel_name(tag.locktag_field2)
                           : nullptr;
    if (name != nullptr)
        return psprintf(" on table \"%s\"", name);
    const char *catalog = tag.locktag_type == LOCKTAG_OBJECT ? get_rel_name(tag.locktag_field2) : nullptr;
    if (catalog != nullptr && strcmp(catalog, "heartbeat_source_definitions") == 0) // see pause.cpp
        return tag.locktag_field4 == 0 ? " on the source" : " on all sources";
    return tag.locktag_type == LOCKTAG_OBJECT ? " on the extension or another object" : "";
}

const char *name_of(const Found &found) {
    if (found.pid == 0)
        return psprintf("prepared transaction \"%s\" of user \"%s\", prepared at %s,", or_unknown(found.gid),
                        or_unknown(found.user), or_unknown(found.since));
    if (found.backend_type != nullptr && strcmp(found.backend_type, "client backend") != 0)
        return psprintf("process %d (%s)", found.pid, found.backend_type);
    return psprintf("process %d (user \"%s\", application \"%s\"%s%s%s%s)", found.pid, or_unknown(found.user),
                    or_unknown(found.application), found.state == nullptr ? "" : ", ",
                    found.state == nullptr ? "" : found.state, found.since == nullptr ? "" : ", since ",
                    found.since == nullptr ? "" : found.since);
}

void print_hint(const Found &found, LockHolder *holder) {
    if (found.pid == 0)
        text_print(holder->hint, sizeof(holder->hint),
                   "No session holds this lock. In database \"%s\", run COMMIT PREPARED '%s' or ROLLBACK "
                   "PREPARED '%s'.",
                   or_unknown(found.database), or_unknown(found.gid), or_unknown(found.gid));
    else if (found.backend_type != nullptr && strncmp(found.backend_type, "heartbeat", 9) == 0)
        text_copy(holder->hint, "That process waits for another process, or ends soon without your help.");
    else
        text_print(holder->hint, sizeof(holder->hint),
                   "Ask that user to end the transaction, or end it: SELECT pg_terminate_backend(%d).",
                   found.pid);
}

} // namespace

void lock_holders_find(const AwaitedLock &awaited, LockHolder *holder) {
    *holder = {};
    bool known = awaited.any && kind_of(awaited.tag) != nullptr;
    Found found = {};
    Found behind = {};
    if (known) {
        found = find(awaited.tag, awaited.mode, true);
        // if the session in `found` also waits for the lock, find the session that holds the lock
        if (found.any && !found.granted)
            behind = find(awaited.tag, AccessExclusiveLock, false);
    } else if (log_min_messages < FATAL) {
        // With these values of log_min_messages, `awaited` contains the lock of each wait of more than 200
        // ms. `awaited` has no lock here, or a lock that kind_of() does not know. So another cause has raised
        // the error, for example the code of a trigger.
        return;
    } else {
        statement_execute(&select_any_holder, nullptr, nullptr, SPI_OK_SELECT);
        found = read_found();
    }
    if (!found.any)
        return;
    const char *object = object_of(awaited);
    holder->found = true;
    if (behind.any)
        text_print(holder->who, sizeof(holder->who), "%s holds a lock%s, for which process %d waits too",
                   name_of(behind), object, found.pid);
    else
        text_print(holder->who, sizeof(holder->who), "%s %s a lock%s", name_of(found),
                   found.granted ? "holds" : "waits for", object);
    const Found &blamed = behind.any ? behind : found;
    holder->abandoned =
        blamed.pid == 0 || (blamed.state != nullptr && strncmp(blamed.state, "idle in", 7) == 0);
    print_hint(blamed, holder);
}

} // namespace heartbeat
