// The arguments of heartbeat_retry_dead_letters() that choose the dead letters to retry. retry.cpp checks
// these arguments here, and retry_letters.cpp passes the arguments to its statement.
#pragma once

#include "server/server.h"

namespace heartbeat {

// The arguments, in their order in SQL.
enum RetryFilter {
    error_code_filter,
    topic_filter,
    partition_filter,
    arrived_since_filter,
    arrived_until_filter,
    ids_filter,
    retry_filters
};

// The indexes of the arguments `replace` and `source`, which follow the filters. Versions before 2.0 do not
// have these two arguments.
inline constexpr int retry_replace_argument = retry_filters;
inline constexpr int retry_source_argument = retry_filters + 1;

// Raises an error for a filter that can match no dead letter.
void retry_filters_check(const NullableDatum *filters);

} // namespace heartbeat
