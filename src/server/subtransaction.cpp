// Catches an error in a subtransaction, in the same way as an EXCEPTION block of PL/pgSQL. Decides whether a
// row has caused an error.
#include "server/server.h"

#include "server/subtransaction.h"
#include "server/text.h"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace heartbeat {

namespace {

// The classes of the errors that a row causes: the row violates a constraint, the row makes a trigger fail,
// or a trigger refuses the row. An error of any other class can come from the state of the database. For
// example, a server without free transaction ids, or a table of the maximum size, causes an error of class
// 54. Class XX is for internal errors of the server.
constexpr const char *row_error_classes[] = {
    "09", // triggered action exception
    "20", // a CASE in PL/pgSQL has found no branch
    "21", // a subquery in a trigger has returned more than one row
    "22", // data exception
    "23", // integrity constraint violation
    "27", // triggered data change violation
    "38", // an exception of a trigger in another language, such as PL/Python or PL/Perl
    "44", // WITH CHECK OPTION violation
    "45", // the SQL standard's class for errors that users raise
    "P0", // PL/pgSQL, for example RAISE EXCEPTION
};

bool is_partition_bound(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_CHECK_VIOLATION && error->constraint_name == nullptr &&
           error->table_name != nullptr;
}

} // namespace

bool subtransaction_is_row_error(const ErrorData *error) {
    if (is_partition_bound(error))
        return false;
    const char *sqlstate = unpack_sql_state(error->sqlerrcode);
    return std::any_of(
        std::begin(row_error_classes), std::end(row_error_classes),
        [=](const char *row_error_class) { return strncmp(sqlstate, row_error_class, 2) == 0; });
}

bool subtransaction_try(void (*work)(void *argument), void *argument,
                        bool (*expected)(const ErrorData *error), CaughtError *caught) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    volatile bool done = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        work(argument);
        ReleaseCurrentSubTransaction();
        done = true;
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = owner;
        if (!expected(error))
            ReThrowError(error);
        text_copy(caught->sqlstate, unpack_sql_state(error->sqlerrcode));
        text_copy(caught->message, error->message == nullptr ? "" : error->message);
        text_copy(caught->detail, error->detail == nullptr ? "" : error->detail);
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return done;
}

bool subtransaction_keep_if(bool (*work)(void *argument), void *argument) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    volatile bool kept = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    { kept = work(argument); }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = owner;
        ReThrowError(error);
    }
    PG_END_TRY();
    if (kept)
        ReleaseCurrentSubTransaction();
    else
        RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return kept;
}

} // namespace heartbeat
