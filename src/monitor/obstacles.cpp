// Finds the cause of an error. For this purpose, this file reads the catalog and the fields of the error. If
// the error is a lock timeout, obstacles_find() looks only for the holder of the lock. failure.cpp calls
// these functions.
#include "server/server.h"

#include "monitor/lock_holders.h"
#include "monitor/obstacles.h"
#include "server/extension.h"
#include "server/rules.h"
#include "server/statement.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
}

namespace heartbeat {

namespace {

// Finds the publications of the table that the error message names. The table can be a table partition of the
// published table. A row filter, a column list or an unpublished generated column can make an UPDATE or
// DELETE of the table fail with the code 42P10. The error has the code 55000 if the table has no replica
// identity. Many other errors have the code 55000 too. So for this code $2 is true, and the query finds only
// publications of tables without a replica identity.
Statement select_publications = {{TEXTOID, BOOLOID}, R"sql(
    WITH named AS MATERIALIZED (
        SELECT c.oid FROM pg_catalog.pg_class c
        WHERE position('"' || c.relname || '"' in $1) > 0
          AND (NOT $2 OR c.relkind = 'r' AND c.relreplident <> 'f' AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_index x
              WHERE x.indrelid = c.oid AND x.indisvalid AND x.indimmediate
                AND CASE c.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident END)))
    SELECT string_agg(
        format('publication "%s" of table "%s"', p.pubname, c.relname), ', ' ORDER BY p.pubname, c.relname)
    FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
        JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
    WHERE (p.pubupdate OR p.pubdelete)
      AND c.oid IN (SELECT named.oid FROM named
                    UNION SELECT a.relid FROM named, pg_catalog.pg_partition_ancestors(named.oid) a))sql"};

void add_found(const char *found, const char *sentence, Obstacle *obstacle) {
    if (found != nullptr)
        text_add_sentence(obstacle->hint, sizeof(obstacle->hint), psprintf("%s %s", found, sentence));
}

// Finds the first line of the error's context that names a function of a user. Skips lines that name a
// function of heartbeat.
bool find_function(const char *context, char *line, size_t size) {
    for (const char *next = context; next != nullptr && *next != '\0';) {
        const char *end = strchr(next, '\n');
        size_t length = end == nullptr ? strlen(next) : static_cast<size_t>(end - next);
        text_print(line, size, "%.*s", static_cast<int>(length), next);
        if (strstr(line, " function ") != nullptr && strstr(line, "heartbeat_") == nullptr &&
            strncmp(line, "SQL statement", 13) != 0)
            return true;
        next = end == nullptr ? nullptr : end + 1;
    }
    return false;
}

} // namespace

void obstacles_advise(const ErrorData *error, char *advice, size_t size) {
    text_copy(advice, size, error->hint == nullptr ? "" : error->hint);
    char line[200];
    char sentence[256];
    if (error->context != nullptr && find_function(error->context, line, sizeof(line))) {
        text_print(sentence, sizeof(sentence), "The error came from %s.", line);
        text_add_sentence(advice, size, sentence);
    }
    // the detail of this error is safe to show: it contains the name of a publication, and no values of a row
    if (error->sqlerrcode == ERRCODE_INVALID_COLUMN_REFERENCE && error->detail != nullptr)
        text_add_sentence(advice, size, error->detail);
}

void obstacles_find(int code, const AwaitedLock &awaited, const char *message, Obstacle *obstacle) {
    if (code == ERRCODE_LOCK_NOT_AVAILABLE) {
        LockHolder holder;
        lock_holders_find(awaited, &holder);
        text_copy(obstacle->who, holder.who);
        text_copy(obstacle->hint, holder.hint);
        obstacle->passes = holder.found && !holder.abandoned;
        return;
    }
    Extension extension;
    if (!extension_find(&extension))
        return;
    add_found(rules_on_ingest(), "changes the rows that heartbeat writes: drop it with DROP RULE.", obstacle);
    // if the server refuses to change rows of a published table, the error has one of these two codes
    if (code != ERRCODE_INVALID_COLUMN_REFERENCE && code != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
        return;
    bool lacks_identity = code == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
    Datum values[2] = {CStringGetTextDatum(message), BoolGetDatum(lacks_identity)};
    statement_execute(&select_publications, values, nullptr, SPI_OK_SELECT);
    add_found(
        SPI_processed > 0 ? statement_text(0, 1) : nullptr,
        lacks_identity
            ? "prevents changes of rows, because the table has no replica identity. Give the table a replica "
              "identity with ALTER TABLE, or change or drop the publication."
            : "prevents changes of rows: its row filter must use only columns of the replica identity, and "
              "it must publish all of these columns. Change or drop the publication.",
        obstacle);
}

} // namespace heartbeat
