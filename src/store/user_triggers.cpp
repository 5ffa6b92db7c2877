// Looks for users' triggers and indexes on the table partitions of readings. This file remembers the answer
// until any table changes. The table layouts and rows.cpp call this file before and after they insert rows.
#include "server/server.h"

#include "server/statement.h"
#include "store/user_triggers.h"

extern "C" {
#include "access/xact.h"
#include "utils/inval.h"
}

namespace heartbeat {

namespace {

// `tgtype & 7` tests three bits: 1 (FOR EACH ROW), 2 (BEFORE) and 4 (INSERT). The query looks at each table
// that has rows, also at table partitions of table partitions. The query treats a foreign table like a
// trigger, because a foreign table can change a row in any way. The query does not use pg_partition_tree(),
// because this function locks all tables below the parent, and could wait for other sessions. The query does
// not count a unique index that refuses the same rows as the primary key, for example an index that REINDEX
// CONCURRENTLY makes.
Statement select_additions = {R"sql(
    WITH RECURSIVE below AS (
        SELECT c.oid
        FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace
            AND c.relname IN ('heartbeat_records', 'heartbeat_anomalies')
        WHERE e.extname = 'heartbeat'
        UNION SELECT h.inhrelid
        FROM below b JOIN pg_catalog.pg_inherits h ON h.inhparent = b.oid),
        partitions AS (
            SELECT c.oid AS partition
            FROM below b JOIN pg_catalog.pg_class c ON c.oid = b.oid
            WHERE c.relkind <> 'p')
    SELECT EXISTS (
        SELECT
        FROM partitions p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.partition
        WHERE t.tgtype & 7 = 7 AND t.tgenabled <> 'D')
        OR EXISTS (
            SELECT
            FROM partitions p JOIN pg_catalog.pg_class c ON c.oid = p.partition
            WHERE c.relkind = 'f'),
        EXISTS (
            SELECT
            FROM partitions p JOIN pg_catalog.pg_index x ON x.indrelid = p.partition
            WHERE (x.indisunique OR x.indisexclusion)
                AND NOT (
                    x.indisprimary AND x.indnkeyatts IN (2, 3)
                    AND (
                        SELECT pg_catalog.count(*)
                        FROM pg_catalog.pg_attribute a
                        WHERE a.attrelid = x.indrelid
                            AND a.attnum IN (x.indkey[0], x.indkey[1], CASE x.indnkeyatts WHEN 3 THEN x.indkey[2] END)
                            AND (a.attname IN ('customer_id', 'event_timestamp')
                                OR a.attname = 'device_id' AND x.indnkeyatts = 3)) = x.indnkeyatts)
                AND NOT (
                    x.indimmediate AND NOT x.indisexclusion AND x.indpred IS NULL AND x.indexprs IS NULL
                    AND EXISTS (
                        SELECT
                        FROM pg_catalog.pg_index k
                        WHERE k.indrelid = x.indrelid AND k.indisprimary AND k.indnkeyatts = x.indnkeyatts
                            AND k.indkey = x.indkey AND k.indcollation = x.indcollation
                            AND k.indclass = x.indclass))))sql"};

bool known = false;
bool changing, present;

void forget(Datum /*argument*/, Oid /*relation*/) {
    known = false;
}

void watch() {
    static bool watching = false;
    if (!watching)
        CacheRegisterRelcacheCallback(forget, 0);
    watching = true;
}

void look() {
    watch();
    if (known)
        return;
    // Set `known` before the query: if a table changes during the query, forget() clears `known` again. In a
    // REPEATABLE READ transaction the query reads an old state of the catalog, so do not remember its answer.
    known = !IsolationUsesXactSnapshot();
    PG_TRY();
    {
        statement_execute(&select_additions, nullptr, nullptr, SPI_OK_SELECT);
        changing = statement_bool(0, 1);
        present = changing || statement_bool(0, 2);
        SPI_freetuptable(SPI_tuptable);
    }
    PG_CATCH();
    {
        known = false;
        PG_RE_THROW();
    }
    PG_END_TRY();
}

} // namespace

bool user_triggers_present() {
    look();
    return present;
}

bool user_triggers_may_change() {
    look();
    return changing;
}

} // namespace heartbeat
