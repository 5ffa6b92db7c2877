// Server half: what differs between the versions of PostgreSQL that we build with.
#pragma once

extern "C" {
#include "postgres.h"

#include "commands/vacuum.h"
#include "executor/executor.h"
#include "parser/parse_node.h"
#include "utils/memutils.h"
}

namespace heartbeat {

// The range table that the parser has made, for an executor that runs no plan.
inline void init_range_table(EState *estate, ParseState *parse) {
#if PG_VERSION_NUM >= 180000
    ExecInitRangeTable(estate, parse->p_rtable, parse->p_rteperminfos,
                       bms_add_range(nullptr, 1, list_length(parse->p_rtable)));
#elif PG_VERSION_NUM >= 160000
    ExecInitRangeTable(estate, parse->p_rtable, parse->p_rteperminfos);
#else
    ExecInitRangeTable(estate, parse->p_rtable);
#endif
}

// The map from a parent's rows to a partition's; nullptr where they are alike.
inline TupleConversionMap *partition_map(ResultRelInfo *partition, [[maybe_unused]] EState *estate) {
#if PG_VERSION_NUM >= 160000
    return ExecGetRootToChildMap(partition, estate);
#else
    return partition->ri_RootToPartitionMap;
#endif
}

// VACUUM, with what it needs to know in a context that outlives its transactions.
inline void vacuum_tables(List *tables, VacuumParams *params, MemoryContext context) {
#if PG_VERSION_NUM >= 160000
    vacuum(tables, params, nullptr, context, true);
#else
    MemoryContext portal = PortalContext;
    PortalContext = context;
    vacuum(tables, params, nullptr, true);
    PortalContext = portal;
#endif
}

} // namespace heartbeat
