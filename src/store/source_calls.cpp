// Writes calls with the name of a source into hints. offset_validation.cpp, kafka_offsets.cpp and the readers
// call this file.
#include "server/server.h"

#include "store/source_calls.h"

extern "C" {
#include "utils/builtins.h"
}

namespace heartbeat {

namespace {

bool needs_name(const Source &source) {
    return source.id != 0 || source.is_one_of_several;
}

} // namespace

const char *source_calls_argument(const Source &source) {
    return needs_name(source) ? psprintf(", %s", quote_literal_cstr(source.name)) : "";
}

const char *source_calls_owner(const Source &source) {
    return needs_name(source) ? psprintf(" of source \"%s\"", source.name) : "";
}

const char *source_calls_seek(const Source &source, const char *to) {
    if (!needs_name(source))
        return psprintf("heartbeat_pause(), heartbeat_seek(%s) and heartbeat_resume()", to);
    const char *name = quote_literal_cstr(source.name);
    return psprintf("heartbeat_pause(source => %s), heartbeat_seek(%s, %s) and heartbeat_resume(%s)", name,
                    to, name, name);
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
