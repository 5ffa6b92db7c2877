// Computes the rollup rows of stale minutes again from the readings. Each table layout has its own statements
// for this work (TablesLayout::rebuild), and passes the statements to this file. The caller decides which
// minutes are due.
#pragma once

#include "server/statement.h"

namespace heartbeat {

// The minute of a reading. The third argument of date_bin() is the origin. In some minor releases of
// PostgreSQL, such as 16.2, date_bin() has an error. If a time is before the origin and has 0 seconds,
// date_bin() returns the previous minute. So this SQL text uses date_trunc() for times before the origin,
// 2000-01-01. For example, a device whose clock was reset sends 1970-01-01 00:00:00.
inline constexpr StatementPart minute_of_reading = {"@minute_of_reading@", R"sql(
    CASE WHEN r.event_timestamp < '2000-01-01Z' THEN date_trunc('minute', r.event_timestamp, 'UTC')
        ELSE date_bin('1 minute', r.event_timestamp, '2000-01-01Z') END)sql"};

// The parameters of each statement are all three elements of `minutes`, or only the first element.
// TablesLayout::rebuild describes these elements.
struct RebuildStatements {
    Statement *delete_rollup;    // deletes the rollup rows of these minutes
    Statement *insert_rollup;    // inserts the sums of the readings of these minutes
    Statement *select_customers; // returns text[]: each customer of these minutes once; NULL: no customer
};

// See TablesLayout::rebuild.
int64_t rollup_rebuild(const RebuildStatements &statements, const Datum *minutes);

// Call this function in a transaction. `customers` is a text[] with each customer once. Adds the customers
// that are new to heartbeat_customers.
void rollup_add_customers(Datum customers);

} // namespace heartbeat
