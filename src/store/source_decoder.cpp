// Makes the decoder for heartbeat's own layout, for a preset or for a mapping. The functions that add and
// alter a source refuse a wrong layout. But a restored dump can contain a layout of a newer version of
// heartbeat, so this file checks the layout too.
#include "server/server.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/decoder_of_mapping.h"
#include "decode/presets.h"
#include "server/text.h"
#include "store/schema_add.h"
#include "store/source_decoder.h"

namespace heartbeat {

namespace {

constexpr char own_preset[] = "heartbeat";

[[noreturn]] void fail_out_of_memory() {
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

// The layout of the messages of a source.
struct Layout {
    MessageFormat format;
    const char *mapping; // UTF-8; nullptr: heartbeat's own layout
};

// If this version cannot read the layout, returns false and sets *error.
bool find_layout(const Source &source, Layout *layout, Error *error) {
    const Preset *preset = source.preset == nullptr ? nullptr : preset_find(source.preset);
    if (source.preset != nullptr && preset == nullptr) {
        snprintf(error->text, sizeof(error->text), "this version has no preset \"%.60s\"", source.preset);
        return false;
    }
    const char *format = source.format != nullptr ? source.format
                         : preset != nullptr      ? preset->format
                                                  : "json";
    if (!message_format_find(format, &layout->format)) {
        snprintf(error->text, sizeof(error->text), "this version cannot read the format \"%.40s\"", format);
        return false;
    }
    layout->mapping = preset != nullptr           ? preset->mapping
                      : source.mapping != nullptr ? text_to_utf8(source.mapping)
                                                  : nullptr;
    // decoder_of_heartbeat() reads only JSON, so other formats use the mapping of the preset `heartbeat`
    if (layout->mapping == nullptr && layout->format != MessageFormat::json)
        layout->mapping = preset_find(own_preset)->mapping;
    return true;
}

Decoder *take(Decoder *decoder, const MappingError &wrong, Error *error) {
    if (decoder == nullptr && wrong.out_of_memory)
        fail_out_of_memory();
    if (decoder == nullptr)
        snprintf(error->text, sizeof(error->text), "the mapping is wrong: \"%.80s\" %.120s", wrong.pointer,
                 wrong.problem);
    return decoder;
}

Decoder *compile_bare(const Layout &layout, const std::string_view &schema, Error *error) {
    MappingError wrong = {};
    SchemaError wrong_schema = {};
    Decoder *decoder = decoder_of_schema(layout.mapping, layout.format, {&schema, 1}, &wrong, &wrong_schema);
    if (decoder == nullptr && wrong_schema.out_of_memory)
        fail_out_of_memory();
    if (decoder == nullptr && wrong_schema.text[0] != '\0') {
        snprintf(error->text, sizeof(error->text), "the schema is wrong: %.220s", wrong_schema.text);
        return nullptr;
    }
    return take(decoder, wrong, error);
}

// `schema` is the text of a .proto file.
Decoder *compile_bare_proto(const Layout &layout, const char *schema, Error *error, bool *lacks_module) {
    char reason[registry_reason_size];
    const FormatsModule *module = schema_module(reason, sizeof(reason));
    *lacks_module = module == nullptr;
    CompiledProto *proto =
        module == nullptr
            ? nullptr
            : schema_compile_proto(module, {RegistrySchemaType::protobuf, schema, nullptr, 0}, reason);
    if (proto == nullptr) {
        snprintf(error->text, sizeof(error->text), "%s%.220s",
                 *lacks_module ? "" : "the schema is wrong: ", reason);
        return nullptr;
    }
    Decoder *decoder = compile_bare(layout, module->proto_descriptors(proto), error);
    module->proto_free(proto);
    return decoder;
}

} // namespace

Decoder *source_decoder_create(const Source &source, Error *error, bool *lacks_module) {
    *lacks_module = false;
    Layout layout;
    if (!find_layout(source, &layout, error))
        return nullptr;
    if (layout.mapping == nullptr)
        return decoder_of_heartbeat();
    if (source.schema == nullptr || !message_format_needs_schema(layout.format)) {
        MappingError wrong = {};
        return take(decoder_of_mapping(layout.mapping, &wrong, layout.format), wrong, error);
    }
    const char *schema = text_exactly_to_utf8(source.schema);
    return layout.format == MessageFormat::protobuf ? compile_bare_proto(layout, schema, error, lacks_module)
                                                    : compile_bare(layout, schema, error);
}

Decoder *source_decoder_require(const Source &source) {
    Error error = {};
    bool lacks_module;
    Decoder *decoder = source_decoder_create(source, &error, &lacks_module);
    if (decoder != nullptr)
        return decoder;
    ereport(ERROR, (errcode(lacks_module ? ERRCODE_UNDEFINED_FILE : ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the messages of source \"%s\" cannot be decoded", source.name),
                    errdetail("%s", text_from_utf8(error.text)),
                    lacks_module ? 0 : errhint("Change the layout with heartbeat_alter_source().")));
}

} // namespace heartbeat
