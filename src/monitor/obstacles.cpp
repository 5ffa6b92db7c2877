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

// Finds the publications of the table that the error message names. A row filter or a column list of a
// publication can make an UPDATE or DELETE fail.
Statement select_publications = {{TEXTOID}, R"sql(
    SELECT string_agg(
        format('publication "%s" of table "%s"', p.pubname, c.relname), ', ' ORDER BY p.pubname)
    FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
        JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
    WHERE position('"' || c.relname || '"' in $1) > 0 AND (p.pubupdate OR p.pubdelete))sql"};

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

void obstacles_find(bool of_lock, const AwaitedLock &awaited, const char *message, Obstacle *obstacle) {
    if (of_lock) {
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
    Datum text = CStringGetTextDatum(message);
    statement_execute(&select_publications, &text, nullptr, SPI_OK_SELECT);
    add_found(
        SPI_processed > 0 ? statement_text(0, 1) : nullptr,
        "prevents changes of rows: its row filter must use only columns of the replica identity, and its "
        "column list must have all of these columns. Change or drop the publication.",
        obstacle);
}

} // namespace heartbeat
