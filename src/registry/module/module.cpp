// The table of the module's functions. heartbeat_formats() is the only symbol of the module that other
// libraries can see. formats_module.h describes the functions.
#include "registry/formats_module.h"

#include "kafka/thread_guards.h"
#include "registry/module/proto_compile.h"
#include "registry/module/registry_request.h"

#include <curl/curl.h>

namespace heartbeat {

namespace {

void finish() noexcept {
    registry_forget_all();
}

constexpr FormatsModule table = {
    formats_version, registry_begin,    registry_poll, registry_answer, registry_forget,
    proto_compile,   proto_descriptors, proto_free,    finish,
};

// Returns false if libcurl cannot resolve names in the background (CURL_VERSION_ASYNCHDNS). Without this
// feature, the caller would wait for a name server that does not answer.
bool start_curl() noexcept {
    SignalsBlocked guard;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    return (version->features & CURL_VERSION_ASYNCHDNS) != 0 &&
           curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

} // namespace

} // namespace heartbeat

// Returns nullptr if libcurl cannot be used.
extern "C" __attribute__((visibility("default"))) const heartbeat::FormatsModule *
heartbeat_formats() noexcept {
    static const bool started = heartbeat::start_curl();
    return started ? &heartbeat::table : nullptr;
}
