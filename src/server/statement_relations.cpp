// Finds the tables that a statement reads and writes, and checks these tables. The server keeps the OIDs of
// these tables with the statement's plan, and this file reads the OIDs there. statement.cpp calls this check
// before each execution.
#include "server/server.h"

#include "server/own_objects.h"
#include "server/statement_relations.h"
#include "server/user_code.h"

extern "C" {
#include "parser/parsetree.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
}

namespace heartbeat {

namespace {

void add(Oid *relations, int *count, Oid relation) {
    if (*count == statement_relations_max)
        elog(ERROR, "a statement has more than %d relations", statement_relations_max);
    relations[(*count)++] = relation;
}

// Finds the bookkeeping tables to which the query and its WITH queries write (INSERT, UPDATE or DELETE).
void find_written(const Query *query, StatementRelations *relations) {
    if (query->commandType != CMD_SELECT && query->commandType != CMD_UTILITY) {
        Oid written = rt_fetch(query->resultRelation, query->rtable)->relid;
        if (user_code_is_bookkeeping(written))
            add(relations->written, &relations->written_count, written);
    }
    ListCell *cell;
    foreach (cell, query->cteList)
        find_written(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery), relations);
}

bool are_known(const List *oids, const StatementRelations &relations) {
    if (list_length(oids) != relations.count)
        return false;
    for (int i = 0; i < relations.count; i++)
        if (list_nth_oid(oids, i) != relations.relations[i])
            return false;
    return true;
}

const CachedPlanSource *source_of(const Statement *statement) {
    return static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(statement->plan)));
}

} // namespace

bool statement_is_valid(const Statement *statement) {
    return source_of(statement)->is_valid;
}

// Checks the tables only if the plan has other tables than at the previous check. This happens after a table
// has changed: the server looks up the names in the statement again, and a name can mean another table.
void statement_check_relations(Statement *statement) {
    const CachedPlanSource *source = source_of(statement);
    StatementRelations &relations = statement->relations;
    if (!are_known(source->relationOids, relations)) {
        relations = {};
        ListCell *cell;
        foreach (cell, source->relationOids)
            own_relation_check(lfirst_oid(cell));
        foreach (cell, source->query_list)
            find_written(lfirst_node(Query, cell), &relations);
        foreach (cell, source->relationOids)
            add(relations.relations, &relations.count, lfirst_oid(cell));
    }
    for (int i = 0; i < relations.written_count; i++)
        user_code_refuse(relations.written[i]);
}

} // namespace heartbeat
