// Calls the server's functions for ALTER INDEX, DROP INDEX and REINDEX CONCURRENTLY.
#include "server/server.h"

#include "server/index_rebuild.h"

extern "C" {
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace heartbeat {

namespace {

// Returns the PortalContext for a rebuild. It must live longer than a transaction, because a rebuild runs
// several transactions and keeps its data in this context.
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

void index_drop_invalid(Oid index) {
    Oid table = IndexGetRelation(index, true);
    if (!OidIsValid(table))
        return; // another session has dropped the index
    // The first lock waits until no other session rebuilds an index of the table. During this wait, other
    // sessions can read and write the table; only the second lock stops them.
    LockRelationOid(table, ShareUpdateExclusiveLock);
    LockRelationOid(table, AccessExclusiveLock);
    if (IndexGetRelation(index, true) != table || get_index_isvalid(index))
        return; // another session has finished or dropped the index
    ObjectAddress address = {RelationRelationId, index, 0};
    performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
}

void index_rebuild(Oid index) {
    MemoryContext caller = CurrentMemoryContext;
    MemoryContext portal = PortalContext;
    PortalContext = rebuild_context();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    MemoryContextSwitchTo(PortalContext); // the statement must live longer than the first transaction
    char *name = get_rel_name(index);
    char *schema = get_namespace_name(get_rel_namespace(index));
    if (name == nullptr || schema == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("index %u does not exist any more", index),
                        errhint("The next run looks for the indexes again.")));
    ReindexStmt *statement = makeNode(ReindexStmt);
    statement->kind = REINDEX_OBJECT_INDEX;
    statement->relation = makeRangeVar(schema, name, -1);
    statement->params = list_make1(makeDefElem(pstrdup("concurrently"), nullptr, -1));
    ExecReindex(make_parsestate(nullptr), statement, true);
    if (ActiveSnapshotSet())
        PopActiveSnapshot();
    CommitTransactionCommand();
    PortalContext = portal;
    MemoryContextSwitchTo(caller);
}

} // namespace heartbeat
