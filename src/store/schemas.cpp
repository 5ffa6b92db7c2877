// The statements on heartbeat_schemas.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/schemas.h"

extern "C" {
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
}

namespace heartbeat {

namespace {

Statement select_schema = {{TEXTOID, INT4OID}, R"sql(
    SELECT schema_type, schema, reference_names, reference_schemas FROM @extschema@.heartbeat_schemas
    WHERE schema_registry = $1 COLLATE "C" AND id = $2)sql"};

Statement insert_schema = {{TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_schemas
        (schema_registry, id, schema_type, schema, reference_names, reference_schemas)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (schema_registry, id) DO NOTHING)sql"};

Datum registry_datum(const char *registry) {
    return CStringGetTextDatum(registry == nullptr ? "" : registry);
}

// The text is valid UTF-8, because the module and the decoder accept only UTF-8.
char *to_ascii(std::string_view utf8, bool is_json) {
    StringInfoData ascii;
    initStringInfo(&ascii);
    for (size_t i = 0; i < utf8.size();) {
        const auto *at = reinterpret_cast<const unsigned char *>(utf8.data() + i);
        const int size = std::max(1, std::min(pg_utf_mblen(at), static_cast<int>(utf8.size() - i)));
        i += static_cast<size_t>(size);
        const pg_wchar character = size == 1 ? *at : utf8_to_unicode(at);
        if (character < 0x80)
            appendStringInfoChar(&ascii, static_cast<char>(character));
        else if (!is_json)
            appendStringInfoChar(&ascii, '?');
        else if (character < 0x10000)
            appendStringInfo(&ascii, "\\u%04x", character);
        else
            appendStringInfo(&ascii, "\\u%04x\\u%04x", 0xd800 + ((character - 0x10000) >> 10),
                             0xdc00 + ((character - 0x10000) & 0x3ff));
    }
    return ascii.data;
}

char *to_database(std::string_view utf8, bool is_json) {
    if (GetDatabaseEncoding() != PG_UTF8)
        return to_ascii(utf8, is_json);
    pg_verifymbstr(utf8.data(), static_cast<int>(utf8.size()), false);
    return pnstrdup(utf8.data(), utf8.size());
}

// Reads a text[], and returns its elements as UTF-8 texts.
const char **texts_of(uint64_t row, int column, int *count) {
    Datum *elements;
    bool *nulls;
    deconstruct_array(DatumGetArrayTypePCopy(statement_value(row, column, TEXTARRAYOID)), TEXTOID, -1, false,
                      TYPALIGN_INT, &elements, &nulls, count);
    auto **texts = static_cast<const char **>(palloc(sizeof(char *) * static_cast<size_t>(*count + 1)));
    for (int i = 0; i < *count; i++)
        texts[i] = nulls[i] ? "" : text_exactly_to_utf8(TextDatumGetCString(elements[i]));
    return texts;
}

// After an UPDATE by a person, reference_names and reference_schemas can have different lengths. This
// function ignores the extra elements of the longer array.
void read_references(uint64_t row, StoredSchema *schema) {
    int name_count, text_count;
    const char **names = texts_of(row, 3, &name_count);
    const char **texts = texts_of(row, 4, &text_count);
    schema->reference_count = static_cast<size_t>(std::min(name_count, text_count));
    auto *references = static_cast<NamedText *>(palloc0(sizeof(NamedText) * (schema->reference_count + 1)));
    for (size_t i = 0; i < schema->reference_count; i++)
        references[i] = {names[i], texts[i]};
    schema->references = references;
}

} // namespace

bool schema_type_find(const char *name, RegistrySchemaType *type) {
    for (RegistrySchemaType one :
         {RegistrySchemaType::avro, RegistrySchemaType::protobuf, RegistrySchemaType::json}) {
        if (strcmp(name, schema_type_names[static_cast<int>(one)]) != 0)
            continue;
        *type = one;
        return true;
    }
    return false;
}

bool schemas_find(const char *registry, int32_t id, StoredSchema *schema) {
    Datum values[2] = {registry_datum(registry), Int32GetDatum(id)};
    if (statement_execute(&select_schema, values, nullptr, SPI_OK_SELECT) == 0)
        return false;
    const char *type = statement_text(0, 1);
    if (type == nullptr || !schema_type_find(type, &schema->type))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("schema %d in heartbeat_schemas has an unknown type", id),
                        errhint("Legal types are AVRO, PROTOBUF and JSON.")));
    const char *text = statement_text(0, 2);
    schema->schema = text_exactly_to_utf8(text == nullptr ? "" : text);
    read_references(0, schema);
    return true;
}

char *schemas_stored_text(RegistrySchemaType type, std::string_view utf8) {
    return text_exactly_to_utf8(to_database(utf8, type != RegistrySchemaType::protobuf));
}

bool schemas_add(const char *registry, int32_t id, const StoredSchema &schema) {
    const bool is_json = schema.type != RegistrySchemaType::protobuf;
    const auto name_at = [&](size_t i) { return to_database(schema.references[i].name, false); };
    const auto text_at = [&](size_t i) { return to_database(schema.references[i].text, is_json); };
    Datum values[6] = {registry_datum(registry),
                       Int32GetDatum(id),
                       CStringGetTextDatum(schema_type_names[static_cast<int>(schema.type)]),
                       CStringGetTextDatum(to_database(schema.schema, is_json)),
                       array_of_names(schema.reference_count, name_at),
                       array_of_names(schema.reference_count, text_at)};
    return statement_execute(&insert_schema, values, nullptr, SPI_OK_INSERT) > 0;
}

} // namespace heartbeat
