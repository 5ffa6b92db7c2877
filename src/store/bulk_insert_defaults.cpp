// Finds the defaults of a table's columns once for each bulk insert. If a default is the same for all rows,
// this file evaluates the default only once. This file evaluates a volatile default for each row.
// bulk_insert.cpp calls this file.
#include "server/server.h"

#include "store/bulk_insert_defaults.h"

extern "C" {
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
}

namespace heartbeat {

BulkInsertDefaults bulk_insert_defaults_find(Relation table, const int *given, int given_count,
                                             EState *estate) {
    TupleDesc row = RelationGetDescr(table);
    BulkInsertDefaults defaults = {
        static_cast<BulkInsertDefault *>(palloc(sizeof(BulkInsertDefault) * static_cast<size_t>(row->natts))),
        0};
    for (int column = 0; column < row->natts; column++) {
        bool is_given = std::find(given, given + given_count, column) != given + given_count;
        if (is_given || TupleDescAttr(row, column)->attisdropped)
            continue;
        auto *expression = reinterpret_cast<Expr *>(build_column_default(table, column + 1));
        if (expression == nullptr)
            continue;
        expression = expression_planner(expression);
        BulkInsertDefault missing = {column, ExecInitExpr(expression, nullptr), 0, false};
        if (!contain_volatile_functions(reinterpret_cast<Node *>(expression))) {
            missing.value = ExecEvalExpr(missing.expression, GetPerTupleExprContext(estate), &missing.null);
            missing.expression = nullptr;
        }
        defaults.items[defaults.count++] = missing;
    }
    return defaults;
}

void bulk_insert_defaults_put(const BulkInsertDefaults &defaults, EState *estate, TupleTableSlot *slot) {
    for (int i = 0; i < defaults.count; i++) {
        const BulkInsertDefault &missing = defaults.items[i];
        Datum *value = &slot->tts_values[missing.column];
        bool *null = &slot->tts_isnull[missing.column];
        *value = missing.value;
        *null = missing.null;
        if (missing.expression != nullptr)
            *value = ExecEvalExprSwitchContext(missing.expression, GetPerTupleExprContext(estate), null);
    }
}

} // namespace heartbeat
