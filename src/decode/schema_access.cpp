// Calls the functions of SchemaCache. schema_judge() checks a schema: it compiles the schema for a mapping
// that reads the whole value.
#include "decode/schema_access.h"

#include "decode/json_tree.h"
#include "decode/schema_cache.h"

#include <cstdio>

namespace heartbeat {

namespace {

bool is_json(std::string_view text, SchemaError *error) {
    JsonTree json;
    DecodeError fault;
    if (json.parse(text, "schema", &fault))
        return true;
    error->out_of_memory = fault.code == DecodeErrorCode::out_of_memory;
    std::snprintf(error->text, sizeof(error->text), "%s", fault.text);
    return false;
}

} // namespace

bool schema_cache_add(SchemaCache *cache, SchemaKey key, const SchemaTexts &schema) noexcept {
    return cache->add(key, schema);
}

bool schema_cache_refuse(SchemaCache *cache, SchemaKey key, DecodeErrorCode code, const char *text) noexcept {
    return cache->refuse(key, code, text);
}

SchemaKey schema_cache_wanted(const SchemaCache *cache) noexcept {
    return cache->wanted();
}

MessageFormat schema_cache_format(const SchemaCache *cache) noexcept {
    return cache->format();
}

SchemaVerdict schema_judge(MessageFormat format, const SchemaTexts &schema, SchemaError *error) noexcept {
    *error = {};
    try {
        WantedValue all;
        all.whole = true;
        const bool usable = message_format_needs_schema(format)
                                ? schema_compile(format, all, schema, true, error) != nullptr
                                : is_json(schema.texts[schema.count - 1], error);
        return usable                 ? SchemaVerdict::usable
               : error->out_of_memory ? SchemaVerdict::out_of_memory
                                      : SchemaVerdict::wrong;
    } catch (...) {
        return SchemaVerdict::out_of_memory;
    }
}

} // namespace heartbeat
