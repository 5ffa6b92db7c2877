// Reads the layout of a source, and locks the source until the retry ends.
#include "server/server.h"

#include "admin/retry_decoder.h"
#include "decode/decoder_of_heartbeat.h"
#include "server/statement.h"
#include "store/offsets.h"
#include "store/source_decoder.h"

namespace heartbeat {

namespace {

// heartbeat_drop_source() moves the source's counters from heartbeat_offsets to heartbeat_dropped_offsets.
// The retry must adjust the counters in heartbeat_offsets before this move. So this statement locks the row
// of the source, and heartbeat_drop_source() waits for this lock.
Statement select_layout = {{TEXTOID}, R"sql(
    SELECT format, preset, mapping::text, schema_registry, schema, kafka_config_file
    FROM @extschema@.heartbeat_source_definitions
    WHERE name = $1 COLLATE "C" AND dropped_at IS NULL
    FOR KEY SHARE)sql"};

} // namespace

Decoder *retry_decoder_load(const char *name, MemoryContext context, Source *source) {
    *source = source_default();
    if (!offsets_have_sources())
        return decoder_of_heartbeat();
    Datum value = CStringGetTextDatum(name);
    if (statement_execute(&select_layout, &value, nullptr, SPI_OK_SELECT) == 0)
        return nullptr;
    Source stored = source_default();
    stored.name = name;
    stored.format = statement_text(0, 1);
    stored.preset = statement_text(0, 2);
    stored.mapping = statement_text(0, 3);
    stored.schema_registry = statement_text(0, 4);
    stored.schema = statement_text(0, 5);
    stored.own_config_file = statement_text(0, 6) != nullptr;
    if (stored.own_config_file)
        stored.kafka_config_file = statement_text(0, 6);
    SPI_freetuptable(SPI_tuptable);
    *source = source_copy(stored, context);
    return source_decoder_require(*source);
}

} // namespace heartbeat
