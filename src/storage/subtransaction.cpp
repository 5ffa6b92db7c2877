// Storage wing: the server's idiom for catching an error, as PL/pgSQL's EXCEPTION blocks use it.
#include "server.h"

#include "storage/subtransaction.h"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace heartbeat {

bool subtransaction_try(void (*work)(void *argument), void *argument, int expected_sqlstate) {
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
        if (error->sqlerrcode != expected_sqlstate)
            ReThrowError(error);
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return done;
}

} // namespace heartbeat
