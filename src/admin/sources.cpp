// Implements heartbeat_add_source(), heartbeat_alter_source() and heartbeat_drop_source(). These functions
// check the rights of their caller, and then write as the extension's owner. The functions lock the source as
// heartbeat_pause() does. So a change commits either before a batch checks the revision of the source, or
// after the batch has committed.
#include "server/server.h"

#include "admin/acting_owner.h"
#include "admin/commit_hooks.h"
#include "admin/source_check.h"
#include "admin/source_named.h"
#include "admin/source_store.h"
#include "decode/presets.h"
#include "monitor/events.h"
#include "server/extension.h"
#include "server/user_code.h"

extern "C" {
#include "access/xlog.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(heartbeat_add_source);
PG_FUNCTION_INFO_V1(heartbeat_alter_source);
PG_FUNCTION_INFO_V1(heartbeat_drop_source);
}

namespace heartbeat {

namespace {

constexpr const char *usual_tombstones = "dead_letter";

// After this function the session acts as the extension's owner. Like heartbeat_pause(), this function locks
// the source before the tables. A table lock would make a worker's batch wait. So the function holds no table
// lock while it waits for a session that uses the source. The lock on heartbeat_source_definitions lets only
// one session at a time change sources.
ActingOwner owner_enter(const char *source, bool drops) {
    const ActingOwner acting = acting_owner_enter();
    source_store_lock(source, drops);
    user_code_refuse(extension_table("heartbeat_control"));
    LockRelationOid(extension_table("heartbeat_source_definitions"), ShareRowExclusiveLock);
    return acting;
}

void owner_leave(const ActingOwner &acting) {
    acting_owner_leave(acting);
    commit_hooks_wake();
}

const char *text_argument(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

// Returns the mapping as text. Returns an empty text for JSON's null. An empty text removes the mapping.
const char *mapping_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return nullptr;
    Jsonb *mapping = PG_GETARG_JSONB_P(number);
    const char *text = JsonbToCString(nullptr, &mapping->root, VARSIZE(mapping));
    return strcmp(text, "null") == 0 ? "" : text;
}

// Reads the arguments: a name, and then the fields. A field is nullptr if the caller has not given the
// argument.
SourceDefinition read_arguments(FunctionCallInfo fcinfo) {
    SourceDefinition given = {};
    if (PG_ARGISNULL(0))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a source cannot be NULL"),
                 errhint("heartbeat_sources shows the sources.")));
    given.name = text_argument(fcinfo, 0);
    for (int field = 0; field < source_fields; field++)
        given.fields[field] =
            field == mapping_field ? mapping_argument(fcinfo, 1 + field) : text_argument(fcinfo, 1 + field);
    return given;
}

// Sets each field with an empty text to nullptr: a caller gives an empty text to remove the field.
void take_away_empty(SourceDefinition *source) {
    for (const char *&field : source->fields)
        if (field != nullptr && field[0] == '\0')
            field = nullptr;
}

// Sets the fields without a value to their defaults. For the source `default`, start_offset and offset_reset
// stay nullptr, because this source uses the settings heartbeat.start_offset and heartbeat.offset_reset.
void put_defaults(SourceDefinition *source) {
    auto put = [=](SourceField field, const char *value) {
        if (source->fields[field] == nullptr)
            source->fields[field] = value;
    };
    put(tombstones_field, usual_tombstones);
    if (strcmp(source->name, default_source) == 0)
        return;
    put(start_offset_field, "earliest");
    put(offset_reset_field, "error");
}

// Changes the fields that were given. A new mapping removes the preset, and a new preset removes the mapping.
// A source without a format of its own has the format of its preset. If a new mapping replaces the preset,
// the source keeps this format.
void change(SourceDefinition *stored, const SourceDefinition &given) {
    auto has = [&](SourceField field) {
        return given.fields[field] != nullptr && given.fields[field][0] != '\0';
    };
    if (has(mapping_field)) {
        const char *preset = stored->fields[preset_field];
        const Preset *replaced = preset == nullptr ? nullptr : preset_find(preset);
        if (replaced != nullptr && stored->fields[format_field] == nullptr &&
            strcmp(replaced->format, "json") != 0)
            stored->fields[format_field] = replaced->format;
        stored->fields[preset_field] = nullptr;
    }
    if (has(preset_field))
        stored->fields[mapping_field] = nullptr;
    for (int field = 0; field < source_fields; field++)
        if (given.fields[field] != nullptr)
            stored->fields[field] = given.fields[field];
    take_away_empty(stored);
    if (stored->fields[tombstones_field] == nullptr)
        stored->fields[tombstones_field] = usual_tombstones;
}

bool gives_nothing(const SourceDefinition &given) {
    return std::all_of(given.fields, given.fields + source_fields,
                       [](const char *field) { return field == nullptr; });
}

void prevent(const char *function) {
    PreventCommandIfReadOnly(function);
    PreventCommandDuringRecovery(function);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_add_source(PG_FUNCTION_ARGS) {
    prevent("heartbeat_add_source()");
    SourceDefinition source = read_arguments(fcinfo);
    take_away_empty(&source);
    put_defaults(&source);
    source_check_rights(source, GetUserId());
    source_check(source, SourceDefinition{});
    ActingOwner acting = owner_enter(source.name, false);
    SourceDefinition stored;
    if (source_store_find(source.name, &stored))
        ereport(ERROR,
                (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("source \"%s\" already exists", source.name),
                 errhint("Give another name, or change the source with heartbeat_alter_source().")));
    source_store_add(source);
    events_record("add_source", nullptr, source_store_details(source, source, source), GetCurrentTimestamp());
    owner_leave(acting);
    PG_RETURN_VOID();
}

extern "C" Datum heartbeat_alter_source(PG_FUNCTION_ARGS) {
    prevent("heartbeat_alter_source()");
    SourceDefinition given = read_arguments(fcinfo), named = given, stored;
    take_away_empty(&named);
    source_check_rights(given, GetUserId());
    source_check_layout(named);
    ActingOwner acting = owner_enter(given.name, false);
    if (!source_store_find(given.name, &stored))
        source_refuse_unknown(given.name);
    if (given.fields[topic_field] != nullptr)
        source_check_topic_rights(stored, acting.caller);
    if (!gives_nothing(given)) {
        const SourceDefinition previous = stored;
        change(&stored, given);
        source_check(stored, previous);
        source_store_change(stored);
        events_record("alter_source", nullptr, source_store_details(previous, stored, given),
                      GetCurrentTimestamp());
    }
    owner_leave(acting);
    PG_RETURN_VOID();
}

extern "C" Datum heartbeat_drop_source(PG_FUNCTION_ARGS) {
    prevent("heartbeat_drop_source()");
    if (PG_ARGISNULL(0))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a source cannot be NULL"),
                 errhint("heartbeat_sources shows the sources.")));
    const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    ActingOwner acting = owner_enter(name, true);
    SourceDefinition stored;
    if (!source_store_find(name, &stored))
        source_refuse_unknown(name);
    source_store_drop(name);
    events_record("drop_source", nullptr, source_store_details(stored, stored, SourceDefinition{}),
                  GetCurrentTimestamp());
    owner_leave(acting);
    PG_RETURN_VOID();
}
