// Finds bookkeeping tables that have triggers, rules, row level security or expressions of users. Also finds
// bookkeeping tables that do not belong to the extension's owner. statement_relations.cpp calls
// user_code_refuse() before each statement. For SQL functions, heartbeat_refuse_user_code() calls
// user_code_refuse().
#include "server/server.h"

#include "server/extension.h"
#include "server/rules.h"
#include "server/table_expressions.h"
#include "server/user_code.h"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

#include <cstring>

namespace heartbeat {

namespace {

constexpr const char *bookkeeping[] = {
    "heartbeat_alerts",
    "heartbeat_arrivals",
    "heartbeat_control",
    "heartbeat_customers",
    "heartbeat_customers_total",
    "heartbeat_dropped_offsets",
    "heartbeat_events",
    "heartbeat_gaps",
    "heartbeat_offsets",
    "heartbeat_rollup",
    "heartbeat_rollup_pending",
    "heartbeat_schemas",
    "heartbeat_source_definitions",
    "heartbeat_stale_minutes",
};

constexpr char would_run[] = "would run";
constexpr char could_run_code[] = "could run code";

// `does` is the verb of the error: a trigger would run, but a type could run code.
[[noreturn]] void refuse(Relation table, const char *what, const char *does, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("%s on table \"%s\" %s with the rights of role \"%s\"", what,
                           RelationGetRelationName(table), does, GetUserNameFromId(GetUserId(), false)),
                    errdetail("The table belongs to heartbeat. heartbeat does not write to the table before "
                              "you correct this."),
                    errhint("%s", hint)));
}

bool is_superuser(Oid role) {
    return role != ACL_ID_PUBLIC && superuser_arg(role);
}

// Returns true if the current role may run functions of `role`. A superuser, who for example updates the
// extension, may run only functions of superusers: the owner of the table must not get a superuser's rights.
// Any other role may run functions of superusers and of the table's owner.
bool is_trusted(Oid role, Oid owner) {
    return is_superuser(role) || (role == owner && !superuser());
}

// Returns true if only the owner and superusers can create a trigger on the table.
bool is_closed(Relation table) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(table)));
    bool null = true;
    Datum rights = HeapTupleIsValid(tuple) ? SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &null) : 0;
    bool closed = true;
    if (!null) {
        const Acl *acl = DatumGetAclP(rights);
        const AclItem *items = ACL_DAT(acl);
        for (int i = 0; i < ACL_NUM(acl); i++)
            closed = closed &&
                     ((ACLITEM_GET_PRIVS(items[i]) & ACL_TRIGGER) == 0 ||
                      items[i].ai_grantee == table->rd_rel->relowner || is_superuser(items[i].ai_grantee));
    }
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    return closed;
}

Oid owner_of_function(Oid function) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->proowner;
    ReleaseSysCache(tuple);
    return owner;
}

// Returns true for a trigger that the server uses for a foreign key or a deferred unique constraint. The
// column tgisinternal is not enough for this decision. PostgreSQL 14 also sets tgisinternal for a user's
// trigger on a table partition if it is a copy of a trigger on the partitioned table.
bool keeps_constraint(const Trigger &trigger) {
    HeapTuple tuple = OidIsValid(trigger.tgconstraint)
                          ? SearchSysCache1(CONSTROID, ObjectIdGetDatum(trigger.tgconstraint))
                          : nullptr;
    if (!HeapTupleIsValid(tuple))
        return false;
    bool keeps = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->contype != CONSTRAINT_TRIGGER;
    ReleaseSysCache(tuple);
    return keeps;
}

// Returns true if the trigger performs CASCADE, SET NULL or SET DEFAULT for a foreign key. Such a trigger
// changes rows of the referring table, with the rights of the referring table's owner. But the AFTER triggers
// of the referring table run only at the end of heartbeat's statement. Before PostgreSQL 18, they run as the
// role of this statement. So a user's AFTER trigger would run with the rights of heartbeat.
bool changes_referring_table(const Trigger &trigger) {
    switch (trigger.tgfoid) {
    case F_RI_FKEY_CASCADE_DEL:
    case F_RI_FKEY_CASCADE_UPD:
    case F_RI_FKEY_SETNULL_DEL:
    case F_RI_FKEY_SETNULL_UPD:
    case F_RI_FKEY_SETDEFAULT_DEL:
    case F_RI_FKEY_SETDEFAULT_UPD:
        return true;
    default:
        return false;
    }
}

[[noreturn]] void refuse_foreign_key(Relation table, const Trigger &trigger) {
    const char *name = get_rel_name(trigger.tgconstrrelid);
    const char *referring = name == nullptr ? "" : name;
    const char *key = get_constraint_name(trigger.tgconstraint);
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("foreign key \"%s\" changes rows of table \"%s\" when heartbeat changes rows of table "
                    "\"%s\", so a trigger of table \"%s\" could run with the rights of role \"%s\"",
                    key == nullptr ? "" : key, referring, RelationGetRelationName(table), referring,
                    GetUserNameFromId(GetUserId(), false)),
             errdetail("Table \"%s\" belongs to heartbeat. heartbeat does not write to this table before you "
                       "correct this.",
                       RelationGetRelationName(table)),
             errhint("Drop the foreign key and revoke REFERENCES on table \"%s\", or create the foreign key "
                     "with ON DELETE NO ACTION ON UPDATE NO ACTION.",
                     RelationGetRelationName(table))));
}

// Returns true if the trigger's function is heartbeat's own, so that the trigger runs no code of another
// role. The extension's owner can add functions to the extension and replace its functions. So if the current
// role is a superuser, the function must also belong to a superuser.
bool is_own(const Trigger &trigger) {
    return getExtensionOfObject(ProcedureRelationId, trigger.tgfoid) == extension_known().oid &&
           (!superuser() || superuser_arg(owner_of_function(trigger.tgfoid)));
}

const char *trigger_hint(const Trigger &trigger, Oid owner) {
    if (owner_of_function(trigger.tgfoid) == owner && superuser())
        return "Drop the trigger. You can create the trigger again when the statement of the superuser has "
               "ended.";
    return "Drop the trigger, and revoke TRIGGER on the table. heartbeat accepts a trigger here only if the "
           "function belongs to the table's owner or to a superuser, and if no other role has the right "
           "TRIGGER.";
}

// Refuses triggers of other roles. The function accepts disabled triggers, the server's own triggers for
// constraints, and triggers with functions of heartbeat. The catalog does not show which role has created a
// trigger. So the function accepts any other trigger only if two conditions hold. First, only the owner or a
// superuser has the right to create triggers on the table. Second, the trigger's function belongs to a role
// that the current role trusts. table_expressions_find() checks the condition (WHEN) of the trigger.
void refuse_triggers(Relation table) {
    const TriggerDesc *triggers = table->trigdesc;
    bool closed = triggers == nullptr || is_closed(table);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (changes_referring_table(trigger))
            refuse_foreign_key(table, trigger);
        Oid owner = table->rd_rel->relowner;
        if (keeps_constraint(trigger) || trigger.tgenabled == TRIGGER_DISABLED ||
            (closed && is_trusted(owner_of_function(trigger.tgfoid), owner)) || is_own(trigger))
            continue;
        refuse(table, psprintf("trigger \"%s\"", trigger.tgname), would_run, trigger_hint(trigger, owner));
    }
}

void refuse_on(Relation table, Oid owner) {
    if (table->rd_rel->relowner != owner)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table \"%s\" does not belong to the owner of extension \"heartbeat\"",
                               RelationGetRelationName(table)),
                        errdetail("The owner of the table could run code with the rights of role \"%s\".",
                                  GetUserNameFromId(GetUserId(), false)),
                        errhint("Run ALTER TABLE %s OWNER TO %s.", RelationGetRelationName(table),
                                quote_identifier(GetUserNameFromId(owner, false)))));
    refuse_triggers(table);
    if (table->rd_rules != nullptr) {
        const char *rules = rules_of_table(RelationGetRelid(table));
        refuse(table, rules == nullptr ? "a rule" : rules, would_run, "Drop the rule.");
    }
    if (table->rd_rel->relrowsecurity)
        refuse(table, "row level security", could_run_code,
               "Run ALTER TABLE ... DISABLE ROW LEVEL SECURITY.");
    const char *expression = table_expressions_find(table);
    if (expression != nullptr)
        refuse(table, expression, could_run_code,
               "Drop this object, or define the object again. An expression of this table may call only "
               "immutable functions of PostgreSQL, now(), clock_timestamp() and nextval(). A column may have "
               "only a type of PostgreSQL, a base type or an enum.");
}

} // namespace

bool user_code_is_bookkeeping(Oid table) {
    const char *name = get_rel_name(table);
    return name != nullptr && std::any_of(std::begin(bookkeeping), std::end(bookkeeping),
                                          [=](const char *own) { return strcmp(own, name) == 0; });
}

void user_code_refuse(Oid table) {
    Oid owner = extension_known().owner;
    Relation relation = table_open(table, RowExclusiveLock);
    refuse_on(relation, owner);
    if (relation->rd_rel->relhassubclass) { // a statement on the table also writes to the tables below it
        ListCell *cell;
        foreach (cell, find_all_inheritors(table, RowExclusiveLock, nullptr)) {
            Relation partition = table_open(lfirst_oid(cell), NoLock);
            refuse_on(partition, owner);
            table_close(partition, NoLock);
        }
    }
    table_close(relation, NoLock);
}

} // namespace heartbeat
