// Writes calls with the name of a source into hints. offset_validation.cpp, kafka_offsets.cpp and the readers
// call this file.
#include "server/server.h"

#include "store/source_calls.h"

extern "C" {
#include "utils/builtins.h"
}

namespace heartbeat {

const char *source_calls_argument(const Source &source, const char *before) {
    return source.id == 0 ? "" : psprintf("%s%s", before, quote_literal_cstr(source.name));
}

const char *source_calls_reset(const Source &source) {
    return source.own_offset_reset ? psprintf("call heartbeat_alter_source(%s, offset_reset => 'earliest')",
                                              quote_literal_cstr(source.name))
                                   : "set heartbeat.offset_reset";
}

const char *source_calls_reset_name(const Source &source) {
    return source.own_offset_reset ? "the source's offset_reset" : "heartbeat.offset_reset";
}

} // namespace heartbeat
