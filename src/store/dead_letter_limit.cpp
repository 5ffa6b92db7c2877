// Counts the unresolved dead letters and conflicts of a source, and compares the numbers with
// heartbeat.dead_letter_limit. batch_transaction.cpp calls this file for each batch, before the commit.
#include "server/server.h"

#include "server/settings.h"
#include "server/statement.h"
#include "store/dead_letter_limit.h"
#include "store/offsets.h"

namespace heartbeat {

namespace {

// Uses the counters of heartbeat_offsets, so the cost of this statement does not depend on the number of dead
// letters.
constexpr const char *count_unresolved_sql = R"sql(
    SELECT greatest(least(coalesce(sum(dead_letters::numeric - dead_letters_deleted), 0),
        9223372036854775807), 0)::bigint,
        greatest(least(coalesce(sum(@conflicts@::numeric), 0), 9223372036854775807), 0)::bigint
    FROM @extschema@.heartbeat_offsets
    WHERE @source@)sql";
constexpr StatementPart where_source = {"@source@", R"sql(source = $1)sql"};
constexpr StatementPart where_any = {"@source@", R"sql($1 = 'default')sql"};
constexpr StatementPart conflicts = {"@conflicts@", R"sql(conflicts)sql"};
constexpr StatementPart no_conflicts = {"@conflicts@", R"sql(0)sql"};
Statement count_unresolved = {{TEXTOID}, {where_source, conflicts}, count_unresolved_sql};
Statement count_old_unresolved = {{TEXTOID}, {where_any, no_conflicts}, count_unresolved_sql};

// Counts the rows of messages in conflict, because heartbeat_offsets counts only the readings in conflict.
Statement count_conflicts = {{TEXTOID, INT8OID}, R"sql(
    SELECT count(*)
    FROM (
        SELECT FROM @extschema@.heartbeat_dead_letters
        WHERE resolved_at IS NULL AND source = $1 AND error_code = 'CONFLICT' LIMIT $2) l)sql"};

} // namespace

bool dead_letter_limit_stops(const Source &source, const Batch *batch, const PartitionCounts *counts,
                             Unresolved *unresolved) {
    int64_t new_letters = 0, new_conflicts = 0;
    for (const PartitionCounts *one = counts; one < counts + batch->partitions.size(); one++) {
        new_letters += one->dead_letters;
        new_conflicts += one->conflict_letters;
    }
    if (settings.dead_letter_limit == 0 || new_letters + new_conflicts == 0)
        return false;
    Datum values[2] = {CStringGetTextDatum(source.name)};
    statement_execute(offsets_have_sources() ? &count_unresolved : &count_old_unresolved, values, nullptr,
                      SPI_OK_SELECT);
    *unresolved = {statement_int8(0, 1), 0};
    int64_t left = settings.dead_letter_limit - unresolved->dead_letters;
    // Each message in conflict has at least one reading in conflict. So if fewer than `left` readings are in
    // conflict, fewer than `left` messages are in conflict, and the limit is not reached. The function then
    // need not count the rows.
    if (left <= 0 || statement_int8(0, 2) < left)
        return left <= 0;
    values[1] = Int64GetDatum(left + new_conflicts);
    statement_execute(&count_conflicts, values, nullptr, SPI_OK_SELECT);
    // The table already has the rows of this batch's own messages in conflict, so subtract these messages.
    unresolved->conflicts = statement_int8(0, 1) - new_conflicts;
    return unresolved->conflicts >= left;
}

} // namespace heartbeat
