// Reads the mapping or the preset of a source, and compiles it. If a source has neither, its messages have
// heartbeat's own layout.
#include "server/server.h"

#include "admin/retry_decoder.h"
#include "decode/decoder_of_heartbeat.h"
#include "decode/decoder_of_mapping.h"
#include "decode/presets.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/offsets.h"

namespace heartbeat {

namespace {

// heartbeat_drop_source() waits for this lock. So the drop moves the counters only after the retry has
// adjusted them.
Statement select_layout = {{TEXTOID}, R"sql(
    SELECT mapping::text, preset FROM @extschema@.heartbeat_source_definitions
    WHERE name = $1 COLLATE "C" AND dropped_at IS NULL
    FOR KEY SHARE)sql"};

[[noreturn]] void fail(const char *source, const MappingError &error) {
    if (error.out_of_memory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the mapping of source \"%s\" %s", source, text_from_utf8(error.problem)),
                    errdetail("The part of the mapping is \"%s\".", text_from_utf8(error.pointer)),
                    errhint("Change the mapping with heartbeat_alter_source().")));
}

Decoder *make(const char *source, const char *mapping, const char *preset) {
    if (preset != nullptr) {
        const Preset *known = preset_find(preset);
        if (known == nullptr)
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("source \"%s\" has the preset \"%s\", which does not exist", source, preset),
                     errhint("Change the preset with heartbeat_alter_source().")));
        mapping = known->mapping;
    }
    if (mapping == nullptr)
        return decoder_of_heartbeat();
    MappingError error;
    Decoder *decoder = decoder_of_mapping(text_to_utf8(mapping), &error);
    if (decoder == nullptr)
        fail(source, error);
    return decoder;
}

} // namespace

Decoder *retry_decoder_load(const char *source) {
    if (!offsets_have_sources())
        return decoder_of_heartbeat();
    Datum name = CStringGetTextDatum(source);
    if (statement_execute(&select_layout, &name, nullptr, SPI_OK_SELECT) == 0)
        return nullptr;
    const char *mapping = statement_text(0, 1), *preset = statement_text(0, 2);
    SPI_freetuptable(SPI_tuptable);
    return make(source, mapping, preset);
}

} // namespace heartbeat
