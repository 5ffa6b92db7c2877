// Begins a request with the options of the source's properties file. The module copies the options, so this
// file frees the options at once.
#include "server/server.h"

#include "registry/registry_config.h"
#include "store/schema_request.h"

namespace heartbeat {

bool schema_request_begin(SchemaRequest *request, const Source &source, int32_t id, char *reason) {
    request->module = schema_module(reason, registry_reason_size);
    if (request->module == nullptr)
        return false;
    Error error = {};
    RegistryConfig *config = registry_config_read(source_kafka_settings(source, "heartbeat"), &error);
    if (config == nullptr) {
        snprintf(reason, registry_reason_size, "%s", error.text);
        return false;
    }
    const RegistryOptions options = registry_config_options(config);
    request->request =
        request->module->registry_begin(source.schema_registry, &options, static_cast<uint32_t>(id));
    registry_config_free(config);
    if (request->request == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                        errdetail("The schema registry could not be asked.")));
    return true;
}

RegistryAnswer schema_request_poll(SchemaRequest *request) {
    request->module->registry_poll(request->request, 0);
    return request->module->registry_answer(request->request);
}

void schema_request_end(SchemaRequest *request) {
    if (request->request != nullptr)
        request->module->registry_forget(request->request);
    request->request = nullptr;
}

} // namespace heartbeat
