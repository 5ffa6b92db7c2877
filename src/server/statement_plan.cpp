// Parses statements and keeps their plans. Frees replaced plans only at the end of the transaction, when no
// statement runs. statement.cpp calls these functions.
#include "server/server.h"

#include "server/extension.h"
#include "server/statement_plan.h"

extern "C" {
#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"
}

#include <cstring>

namespace heartbeat {

namespace {

// The plans that this transaction has replaced, and frees at its end. While a statement runs, a trigger can
// make this process plan the same statement again, but the running statement still uses the old plan.
List *retired = NIL;

void free_retired(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
        break;
    default:
        return;
    }
    List *plans = retired;
    retired = NIL;
    ListCell *cell;
    foreach (cell, plans)
        SPI_freeplan(static_cast<SPIPlanPtr>(lfirst(cell)));
    list_free(plans);
}

void retire_plan(Statement *statement) {
    static bool registered = false;
    if (statement->plan == nullptr)
        return;
    if (!registered)
        RegisterXactCallback(free_retired, nullptr);
    registered = true;
    MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
    retired = lappend(retired, statement->plan);
    MemoryContextSwitchTo(before);
    statement->plan = nullptr;
}

// Parses the statement. Adds the text of the statement to the message of an error, because the server's error
// does not always name the table.
SPIPlanPtr parse(Statement *statement) {
    MemoryContext context = CurrentMemoryContext;
    const char *text = statement_sql(statement);
    SPIPlanPtr volatile plan = nullptr;
    PG_TRY();
    plan = SPI_prepare(text, statement->types.count, statement->types.elements);
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        bool unnamed =
            error->sqlerrcode != ERRCODE_UNDEFINED_TABLE &&
            error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE &&
            // for example, the server raises this error for ON CONFLICT on a table that has a rule
            (error->sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED ||
             ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION);
        if (!unnamed)
            PG_RE_THROW();
        FlushErrorState();
        error->message = psprintf("%s, in: %s", error->message, text);
        error->cursorpos = error->internalpos = 0;
        ReThrowError(error);
    }
    PG_END_TRY();
    return plan;
}

// If the text begins with `name`, moves *text to the end of the name and returns true.
bool take_name(const char **text, const char *name) {
    size_t size = strlen(name);
    if (strncmp(*text, name, size) != 0)
        return false;
    *text += size;
    return true;
}

void append(StringInfo to, const char *text, const Statement &statement);

// If `text` begins with @extschema@, appends the extension's schema. If `text` begins with the name of a
// part, appends the text of the part. Otherwise appends the first character of `text`.
const char *append_next(StringInfo to, const char *text, const Statement &statement) {
    if (take_name(&text, "@extschema@")) {
        appendStringInfoString(to, extension_quoted_schema());
        return text;
    }
    for (const StatementPart &part : statement.parts.elements)
        if (part.name != nullptr && take_name(&text, part.name)) {
            append(to, part.text, statement);
            return text;
        }
    appendStringInfoChar(to, *text);
    return text + 1;
}

// Replaces a line break and the indentation of the next line by a space. After `(` and before `)`, removes
// the line break and the indentation without a space.
void append(StringInfo to, const char *text, const Statement &statement) {
    while (*text != '\0') {
        if (*text != '\n') {
            text = append_next(to, text, statement);
            continue;
        }
        text += 1 + strspn(text + 1, " ");
        if (to->len > 0 && strchr(" (", to->data[to->len - 1]) == nullptr && *text != ')')
            appendStringInfoChar(to, ' ');
    }
}

} // namespace

char *statement_sql(const Statement *statement) {
    StringInfoData text;
    initStringInfo(&text);
    append(&text, statement->text, *statement);
    return text.data;
}

void statement_plan(Statement *statement) {
    retire_plan(statement);
    SPIPlanPtr plan = parse(statement);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not plan \"%s\": %s", statement_sql(statement),
             SPI_result_code_string(SPI_result));
    statement->plan = plan;
    statement->generation = extension_generation();
    statement->relations = {};
}

} // namespace heartbeat
