// Calls the server's functions for ALTER INDEX, DROP INDEX and REINDEX CONCURRENTLY.
#include "server/server.h"

#include "server/compat.h"
#include "server/index_rebuild.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

// Returns true if REINDEX CONCURRENTLY of an index with the name `name` has made the index.
bool is_remains(const Relation index, const char *name) {
    const char *other = RelationGetRelationName(index);
    if (index->rd_index->indisvalid)
        return false;
    for (const char *suffix : {"ccnew", "ccold"}) {
        char *made = makeObjectName(name, nullptr, suffix); // the server shortens long names in the same way
        if (strncmp(other, made, strlen(made)) == 0)
            return true;
    }
    return false;
}

// The server keeps data of the rebuild in PortalContext, across its transactions.
MemoryContext rebuild_context() {
    static MemoryContext context = nullptr;
    if (context == nullptr)
        context = AllocSetContextCreate(TopMemoryContext, "heartbeat index rebuild", ALLOCSET_DEFAULT_SIZES);
    MemoryContextReset(context);
    return context;
}

} // namespace

void index_wait_for_snapshots() {
    int count;
    VirtualTransactionId *old =
        GetCurrentVirtualXIDs(InvalidTransactionId, true, false, PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &count);
    for (int i = 0; i < count; i++)
        VirtualXactLock(old[i], true);
}

void index_set_fillfactor(Oid index, int percent) {
    AlterTableCmd *command = makeNode(AlterTableCmd);
    command->subtype = AT_SetRelOptions;
    command->def = reinterpret_cast<Node *>(
        list_make1(makeDefElem(pstrdup("fillfactor"), reinterpret_cast<Node *>(makeInteger(percent)), -1)));
    LockRelationOid(index, ShareUpdateExclusiveLock);
    AlterTableInternal(index, list_make1(command), false);
}

void index_drop_remains(Oid index) {
    Relation table = table_open(IndexGetRelation(index, false), ShareUpdateExclusiveLock);
    const char *name = get_rel_name(index);
    ListCell *cell;
    foreach (cell, RelationGetIndexList(table)) {
        Relation other = index_open(lfirst_oid(cell), AccessShareLock);
        bool remains = is_remains(other, name);
        index_close(other, AccessShareLock);
        if (!remains)
            continue;
        LockRelationOid(RelationGetRelid(table), AccessExclusiveLock);
        ObjectAddress address = {RelationRelationId, lfirst_oid(cell), 0};
        performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
    }
    table_close(table, NoLock);
}

void index_rebuild(Oid index) {
    MemoryContext caller = CurrentMemoryContext;
    MemoryContext portal = PortalContext;
    PortalContext = rebuild_context();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    MemoryContextSwitchTo(PortalContext); // the statement must live longer than the first transaction
    ReindexStmt *statement = makeNode(ReindexStmt);
    statement->kind = REINDEX_OBJECT_INDEX;
    statement->relation = makeRangeVar(get_namespace_name(get_rel_namespace(index)), get_rel_name(index), -1);
    statement->params = list_make1(makeDefElem(pstrdup("concurrently"), nullptr, -1));
    ExecReindex(make_parsestate(nullptr), statement, true);
    if (ActiveSnapshotSet())
        PopActiveSnapshot();
    CommitTransactionCommand();
    PortalContext = portal;
    MemoryContextSwitchTo(caller);
}

} // namespace heartbeat
