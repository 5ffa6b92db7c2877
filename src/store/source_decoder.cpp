// Makes the decoder of heartbeat's own layout, of a preset or of a mapping. The functions that add and alter
// a source refuse a wrong layout. But a restored dump can have a layout that only a newer version knows.
#include "server/server.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/decoder_of_mapping.h"
#include "decode/presets.h"
#include "server/text.h"
#include "store/source_decoder.h"

namespace heartbeat {

namespace {

Decoder *compile(std::string_view mapping, Error *error) {
    MappingError wrong = {};
    Decoder *decoder = decoder_of_mapping(mapping, &wrong);
    if (decoder == nullptr && wrong.out_of_memory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    if (decoder == nullptr)
        snprintf(error->text, sizeof(error->text), "the mapping is wrong: \"%.80s\" %.120s", wrong.pointer,
                 wrong.problem);
    return decoder;
}

} // namespace

Decoder *source_decoder_create(const Source &source, Error *error) {
    if (source.format != nullptr && strcmp(source.format, "json") != 0) {
        snprintf(error->text, sizeof(error->text), "this version cannot read the format \"%.40s\"",
                 source.format);
        return nullptr;
    }
    const Preset *preset = source.preset == nullptr ? nullptr : preset_find(source.preset);
    if (source.preset != nullptr && preset == nullptr) {
        snprintf(error->text, sizeof(error->text), "this version has no preset \"%.60s\"", source.preset);
        return nullptr;
    }
    if (preset != nullptr && preset->mapping != nullptr)
        return compile(preset->mapping, error);
    if (preset != nullptr || source.mapping == nullptr)
        return decoder_of_heartbeat();
    char *utf8 = text_to_utf8(source.mapping);
    Decoder *decoder = compile(utf8, error);
    pfree(utf8);
    return decoder;
}

Decoder *source_decoder_require(const Source &source) {
    Error error = {};
    Decoder *decoder = source_decoder_create(source, &error);
    if (decoder != nullptr)
        return decoder;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the messages of source \"%s\" cannot be decoded", source.name),
                    errdetail("%s", text_from_utf8(error.text)),
                    errhint("Change the layout with heartbeat_alter_source().")));
}

} // namespace heartbeat
