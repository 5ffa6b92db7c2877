// Makes the decoder of heartbeat's own layout, of a preset or of a mapping. The functions that add and alter
// a source refuse a wrong layout. But a restored dump can have a layout that only a newer version knows.
#include "server/server.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/decoder_of_mapping.h"
#include "decode/presets.h"
#include "ingest/source_decoder.h"
#include "server/text.h"

namespace heartbeat {

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
    const char *mapping = preset != nullptr ? preset->mapping : source.mapping;
    if (mapping == nullptr)
        return decoder_of_heartbeat();
    char *utf8 = preset != nullptr ? pstrdup(mapping) : text_to_utf8(mapping);
    MappingError wrong = {};
    Decoder *decoder = decoder_of_mapping(utf8, &wrong);
    pfree(utf8);
    if (decoder == nullptr)
        snprintf(error->text, sizeof(error->text), "the mapping is wrong: \"%.80s\" %.120s", wrong.pointer,
                 wrong.problem);
    return decoder;
}

} // namespace heartbeat
