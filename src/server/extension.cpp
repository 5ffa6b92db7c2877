// Finds the extension in the catalog, and keeps the result for the other functions of this file. Each
// transaction of a worker calls extension_find() first.
#include "server/server.h"

#include "server/extension.h"
#include "server/settings.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

#include <cstring>

namespace heartbeat {

namespace {

uint64_t current_generation = 1;
Extension known = {InvalidOid, InvalidOid, InvalidOid};
char quoted_schema[2 * NAMEDATALEN + 3];

// Looks up the name of the schema. Each transaction calls this function, because a user can rename the schema
// at any time.
void remember_schema(Oid schema) {
    const char *name = get_namespace_name(schema);
    if (name == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
                        errmsg("the schema of extension \"heartbeat\" does not exist")));
    const char *quoted = quote_identifier(name);
    if (strcmp(quoted, quoted_schema) == 0)
        return;
    strlcpy(quoted_schema, quoted, sizeof(quoted_schema));
    extension_forget();
}

} // namespace

bool extension_find(Extension *extension) {
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("heartbeat"));
    SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    bool found = HeapTupleIsValid(tuple);
    if (found) {
        auto *row = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
        *extension = {row->oid, row->extowner, row->extnamespace};
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (!found)
        return false;
    if (extension->oid != known.oid)
        extension_forget();
    known = *extension;
    remember_schema(extension->schema);
    return true;
}

const Extension &extension_known() {
    return known;
}

Oid extension_workers_role() {
    return settings.role[0] == '\0' ? known.owner : get_role_oid(settings.role, false);
}

Oid extension_table(const char *name) {
    Oid table = get_relname_relid(name, known.schema);
    if (!OidIsValid(table))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_TABLE),
                 errmsg("table \"%s\" of extension \"heartbeat\" does not exist", name),
                 errhint("The table was renamed, moved to another schema or dropped. Undo this change.")));
    return table;
}

const char *extension_quoted_schema() {
    return quoted_schema;
}

void extension_forget() {
    current_generation++;
}

uint64_t extension_generation() {
    return current_generation;
}

} // namespace heartbeat
