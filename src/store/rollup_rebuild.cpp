// Rebuilds the rollup rows of marked minutes. The rebuild deletes the marks, the rows of
// heartbeat_rollup_pending and the rows of heartbeat_rollup of these minutes. Then the rebuild computes the
// sums again from the readings, and inserts the sums into heartbeat_rollup. A snapshot that sees a mark
// also sees all readings of the marked minute (TablesLayout::hold_marks). So the rebuild deletes only marks
// whose readings are in the new sums.
#include "server/server.h"

#include "store/rollup_rebuild.h"
#include "store/rollup_sums.h"

namespace heartbeat {

namespace {

Statement delete_marks = {{TIMESTAMPTZARRAYOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_stale_minutes WHERE minute_bucket = ANY ($1))sql"};

// The snapshot sees all readings whose sums are in the pending rows of these minutes, so the new sums already
// contain these readings. If the pending rows stayed, the fold would add the readings again.
Statement delete_pending = {{TIMESTAMPTZARRAYOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_rollup_pending
    WHERE minute_bucket = ANY ($1))sql"};

Statement add_customers = {{TEXTARRAYOID}, {add_met_customers}, R"sql(
    WITH met AS (
        SELECT u.customer_id FROM unnest($1) u (customer_id)),@add_met_customers@
    SELECT count(*) FROM customers)sql"};

} // namespace

int64_t rollup_rebuild(const RebuildStatements &statements, const Datum *minutes) {
    uint64_t removed = statement_execute(&delete_marks, minutes, nullptr, SPI_OK_DELETE) +
                       statement_execute(&delete_pending, minutes, nullptr, SPI_OK_DELETE);
    statement_execute(statements.delete_rollup, minutes, nullptr, SPI_OK_DELETE);
    statement_execute(statements.insert_rollup, minutes, nullptr, SPI_OK_INSERT);
    statement_execute(statements.select_customers, minutes, nullptr, SPI_OK_SELECT);
    bool nobody;
    Datum met = statement_value(0, 1, TEXTARRAYOID, &nobody);
    if (!nobody)
        rollup_add_customers(met);
    return static_cast<int64_t>(removed);
}

void rollup_add_customers(Datum customers) {
    statement_execute(&add_customers, &customers, nullptr, SPI_OK_SELECT);
}

} // namespace heartbeat
