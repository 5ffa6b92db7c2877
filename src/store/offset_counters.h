// The part of an UPDATE that adds numbers to the counters of heartbeat_offsets. offsets_advance.cpp uses this
// part to add the counts of a batch. counter_adjustments.cpp uses this part to add adjustments.
#pragma once

#include "server/statement.h"

namespace heartbeat {

// `o` is heartbeat_offsets, and `n` has the numbers to add. $1 is the present time plus
// heartbeat.max_clock_skew. Replaces a last_event that is later than $1, because an older version of the
// extension may have stored such a time.
inline constexpr StatementPart add_counters = {"@add_counters@", R"sql(
        messages = o.messages + n.messages, ignored = o.ignored + n.ignored,
        readings = o.readings + n.readings, conflicts = o.conflicts + n.conflicts,
        records = o.records + n.records, bradycardia = o.bradycardia + n.bradycardia,
        tachycardia = o.tachycardia + n.tachycardia, invalid = o.invalid + n.invalid,
        duplicates = o.duplicates + n.duplicates, dead_letters = o.dead_letters + n.dead_letters,
        empty_offsets = o.empty_offsets + n.empty_offsets,
        first_event = least(o.first_event, n.first_event),
        last_event = greatest(CASE WHEN o.last_event <= $1 THEN o.last_event END, n.last_event),
        updated_at = now())sql"};

// Replaces add_counters in a database that still has the tables of version 1.1 or 1.2. In these versions each
// message has one reading. A message counts as a duplicate if it was not stored and is not a new dead letter.
inline constexpr StatementPart add_old_counters = {"@add_counters@", R"sql(
        records = o.records + n.records, bradycardia = o.bradycardia + n.bradycardia,
        tachycardia = o.tachycardia + n.tachycardia, invalid = o.invalid + n.invalid,
        duplicates = o.duplicates + n.messages - n.records - n.bradycardia - n.tachycardia - n.invalid,
        dead_letters = o.dead_letters + n.dead_letters,
        empty_offsets = o.empty_offsets + n.empty_offsets,
        first_event = least(o.first_event, n.first_event),
        last_event = greatest(CASE WHEN o.last_event <= $1 THEN o.last_event END, n.last_event),
        updated_at = now())sql"};

} // namespace heartbeat
