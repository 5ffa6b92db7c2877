// While another session changes the source, the reader calls pause_check() again and again. The reader first
// calls the function often, because such a session usually commits soon. After a second, heartbeat_status
// shows the session, and the reader calls pause_check() less often.
#include "server/server.h"

#include "ingest/reader_change.h"
#include "server/clock.h"

namespace heartbeat {

namespace {

constexpr int64_t shown_after = 1'000'000; // microseconds: see reader_change_is_shown()
constexpr long ask_ms_first = 20;
constexpr long ask_ms_shown = 500;

} // namespace

bool reader_change_is_shown(SourceReader *reader) {
    if (reader->busy_since == 0 || reader->busy_told || monotonic_now() < reader->busy_since + shown_after)
        return false;
    reader->busy_told = true;
    return true;
}

bool reader_change_is_open(SourceReader *reader, bool busy) {
    if (!busy) {
        reader->busy_since = 0;
        reader->busy_told = false;
    } else if (reader->busy_since == 0) {
        reader->busy_since = monotonic_now();
    }
    return busy;
}

long reader_change_wait(const SourceReader &reader) {
    return reader.busy_told ? ask_ms_shown : ask_ms_first;
}

} // namespace heartbeat
