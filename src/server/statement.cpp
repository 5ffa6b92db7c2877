// Executes a statement. Before the execution, this file checks the statement's tables. After the execution,
// this file checks the result. After a statement that writes, this file also checks that no table of the
// extension is unlogged. All floors above call statement_execute().
#include "server/server.h"

#include "server/extension.h"
#include "server/persistence.h"
#include "server/rules.h"
#include "server/statement.h"
#include "server/statement_relations.h"

namespace heartbeat {

namespace {

[[noreturn]] void refuse_rules(const Statement *statement, int result) {
    const char *text = statement_sql(statement);
    const char *rules = rules_in_statement(text);
    if (rules != nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("%s rewrites a statement that heartbeat executes", rules),
                        errdetail("The statement ended with %s: %s", SPI_result_code_string(result), text),
                        errhint("Drop the rule with DROP RULE.")));
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a statement of extension \"heartbeat\" ended with %s: %s",
                           SPI_result_code_string(result), text),
                    errhint("A rule on one of heartbeat's tables rewrites the statement: drop the rule.")));
}

} // namespace

uint64_t statement_execute(Statement *statement, const Datum *values, const char *nulls, int expected) {
    if (statement->plan == nullptr || statement->generation != extension_generation() ||
        !statement_is_valid(statement))
        statement_plan(statement);
    statement_check_relations(statement);
    int result = SPI_execute_plan(statement->plan, const_cast<Datum *>(values), nulls, false, 0);
    if (result != expected)
        refuse_rules(statement, result);
    uint64_t processed = SPI_processed;
    if (expected != SPI_OK_SELECT)
        persistence_check();
    return processed;
}

} // namespace heartbeat
