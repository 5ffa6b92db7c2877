// Reads rules from the catalog pg_rewrite. Errors and hints name these rules, so that a person can drop the
// rules. statement.cpp, user_code.cpp and obstacles.cpp call these functions.
#include "server/server.h"

#include "server/rules.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace heartbeat {

namespace {

// find() appends a condition to this query.
constexpr const char *select_rules = R"sql(
    SELECT string_agg(format('rule "%s" on table "%s"', w.rulename, c.relname), ', ' ORDER BY c.relname, w.rulename)
    FROM pg_catalog.pg_rewrite w
        JOIN pg_catalog.pg_class c ON c.oid = w.ev_class AND c.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_extension e ON e.extnamespace = c.relnamespace
    WHERE e.extname = 'heartbeat' AND w.ev_enabled <> 'D' AND )sql";

// `value` is the parameter $1 of the condition. If the condition has no parameter, `value` is nullptr. This
// function does not use a Statement, because statement_execute() itself calls this file.
const char *find(const char *condition, const char *value) {
    Oid type = TEXTOID;
    Datum text = value == nullptr ? 0 : CStringGetTextDatum(value);
    int result = SPI_execute_with_args(psprintf("%s%s", select_rules, condition), value == nullptr ? 0 : 1,
                                       &type, &text, nullptr, false, 0);
    if (result != SPI_OK_SELECT)
        elog(ERROR, "cannot look for rules: %s", SPI_result_code_string(result));
    return SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : nullptr;
}

} // namespace

// Searches for table names in the text of the statement. The plan is not enough: if a rule has replaced the
// statement by nothing (DO INSTEAD NOTHING), the plan has no tables.
const char *rules_in_statement(const char *statement) {
    return find(R"sql(position('.' || c.relname || ' ' in $1) > 0)sql", statement);
}

const char *rules_on_ingest() {
    return find(R"sql(
        w.ev_type = '3'
        AND c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_dead_letters'))sql",
                nullptr);
}

char *rules_of_table(Oid table) {
    Relation catalog = table_open(RewriteRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_rewrite_ev_class, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
    SysScanDesc scan = systable_beginscan(catalog, RewriteRelRulenameIndexId, true, nullptr, 1, &key);
    char *rules = nullptr;
    for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
        auto *rule = reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(tuple));
        rules = rules == nullptr ? psprintf("rule \"%s\"", NameStr(rule->rulename))
                                 : psprintf("%s, rule \"%s\"", rules, NameStr(rule->rulename));
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return rules;
}

} // namespace heartbeat
