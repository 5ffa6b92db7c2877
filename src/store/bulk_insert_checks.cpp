// A bulk insert ignores some properties of a table, such as triggers and rules. INSERT respects these
// properties. This file looks for such properties. Users can add such properties at any time, so
// bulk_insert.cpp calls these functions for each bulk insert.
#include "server/server.h"

#include "server/compat.h"
#include "store/bulk_insert_checks.h"

extern "C" {
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/rls.h"
}

namespace heartbeat {

namespace {

bool indexes_suit(const ResultRelInfo *partition) {
    for (int i = 0; i < partition->ri_NumIndices; i++) {
        const FormData_pg_index *index = partition->ri_IndexRelationDescs[i]->rd_index;
        if (index->indisexclusion || (index->indisunique && !index->indimmediate))
            return false;
    }
    return true;
}

bool has_generated(Relation table) {
    TupleDesc row = RelationGetDescr(table);
    for (int column = 0; column < row->natts; column++)
        if (TupleDescAttr(row, column)->attgenerated != '\0')
            return true;
    return false;
}

} // namespace

bool bulk_insert_suits_table(Relation table) {
    Oid oid = RelationGetRelid(table);
    const TriggerDesc *triggers = table->trigdesc;
    return table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE && !table->rd_rel->relispartition &&
           table->rd_rules == nullptr && !has_generated(table) &&
           (triggers == nullptr ||
            (!triggers->trig_insert_before_statement && !triggers->trig_insert_after_statement &&
             !triggers->trig_insert_new_table)) &&
           pg_class_aclcheck(oid, GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
           check_enable_rls(oid, InvalidOid, true) != RLS_ENABLED;
}

bool bulk_insert_suits_partition(ResultRelInfo *partition, EState *estate) {
    Relation table = partition->ri_RelationDesc;
    const TriggerDesc *triggers = partition->ri_TrigDesc;
    return table->rd_rel->relkind == RELKIND_RELATION && partition_map(partition, estate) == nullptr &&
           (triggers == nullptr || (!triggers->trig_insert_before_row && !triggers->trig_insert_after_row &&
                                    !triggers->trig_insert_new_table)) &&
           !has_generated(table) && indexes_suit(partition);
}

} // namespace heartbeat
