// Reads the layout of a source, and keeps the source until the retry ends.
#include "server/server.h"

#include "admin/retry_decoder.h"
#include "decode/decoder_of_heartbeat.h"
#include "server/statement.h"
#include "store/offsets.h"
#include "store/source_decoder.h"

namespace heartbeat {

namespace {

// heartbeat_drop_source() waits for this lock. So the drop moves the counters only after the retry has
// adjusted them.
Statement select_layout = {{TEXTOID}, R"sql(
    SELECT format, preset, mapping::text FROM @extschema@.heartbeat_source_definitions
    WHERE name = $1 COLLATE "C" AND dropped_at IS NULL
    FOR KEY SHARE)sql"};

} // namespace

Decoder *retry_decoder_load(const char *source) {
    if (!offsets_have_sources())
        return decoder_of_heartbeat();
    Datum name = CStringGetTextDatum(source);
    if (statement_execute(&select_layout, &name, nullptr, SPI_OK_SELECT) == 0)
        return nullptr;
    Source stored = source_default();
    stored.name = source;
    stored.format = statement_text(0, 1);
    stored.preset = statement_text(0, 2);
    stored.mapping = statement_text(0, 3);
    SPI_freetuptable(SPI_tuptable);
    return source_decoder_require(stored);
}

} // namespace heartbeat
