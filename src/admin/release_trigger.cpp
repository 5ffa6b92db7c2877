// heartbeat_release_trigger() makes DROP EXTENSION drop the trigger of a table partition, even of a detached
// table partition. ALTER TRIGGER ... DEPENDS ON EXTENSION does the same, but locks the extension until the
// transaction ends. With this lock, ingest would wait for each session that creates table partitions.
#include "server/server.h"

#include "server/extension.h"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/acl.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(heartbeat_release_trigger);
}

namespace heartbeat {

namespace {

constexpr char name[] = "heartbeat_records_truncated";

void require_owner(Oid oid) {
    Relation table = try_relation_open(oid, AccessShareLock);
    if (table == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table with OID %u", oid)));
    if (!has_privs_of_role(GetUserId(), table->rd_rel->relowner))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of table %s", RelationGetRelationName(table))));
    relation_close(table, NoLock);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_release_trigger(PG_FUNCTION_ARGS) {
    Oid table = PG_GETARG_OID(0);
    require_owner(table);
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    ObjectAddress trigger = {TriggerRelationId, get_trigger_oid(table, name, false), 0};
    ObjectAddress owner = {ExtensionRelationId, extension.oid, 0};
    if (!list_member_oid(getAutoExtensionsOfObject(trigger.classId, trigger.objectId), extension.oid))
        recordDependencyOn(&trigger, &owner, DEPENDENCY_AUTO_EXTENSION);
    PG_RETURN_VOID();
}
