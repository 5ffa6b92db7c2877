// Makes the rollup rows of marked minutes again from the readings, with the statements of a layout of the
// tables. Each layout calls it (TablesLayout::rebuild). It does not know which minutes are due.
#pragma once

#include "server/statement.h"

namespace heartbeat {

// The minute of a reading. date_bin() has an error in some minor releases of PostgreSQL, such as 16.2: it
// puts a full minute that is before its origin into the previous minute. Such times occur: a device whose
// clock was reset sends 1970-01-01 00:00:00.
inline constexpr StatementPart minute_of_reading = {"@minute_of_reading@", R"sql(
    CASE WHEN r.event_timestamp < '2000-01-01Z' THEN date_trunc('minute', r.event_timestamp, 'UTC')
        ELSE date_bin('1 minute', r.event_timestamp, '2000-01-01Z') END)sql"};

// Each statement has the parameters that TablesLayout::rebuild has, or the first of them.
struct RebuildStatements {
    Statement *delete_rollup;    // of these minutes
    Statement *insert_rollup;    // the sums of the readings of these minutes
    Statement *select_customers; // text[] of the customers of these minutes, each once; NULL: there are none
};

// See TablesLayout::rebuild.
int64_t rollup_rebuild(const RebuildStatements &statements, const Datum *minutes);

// Call it in a transaction. Adds the new ones of these customers to heartbeat_customers. The array has each
// customer once.
void rollup_add_customers(Datum customers);

} // namespace heartbeat
