// Asks the schema registry of a source for a schema. These functions do not wait for the answer. The caller
// repeats schema_request_poll() until this function returns the answer, and waits on the latch of its process
// between two calls. The ingest workers call this file. The SQL functions that replay messages, retry dead
// letters or try a source also call this file. Never call this file in the transaction that stores a batch.
#pragma once

#include "store/schema_add.h"
#include "store/sources.h"

namespace heartbeat {

struct SchemaRequest {
    const FormatsModule *module;
    RegistryRequest *request; // nullptr: no request
};

// If the module heartbeat_formats is not installed, or if the properties file is wrong, returns false and
// writes the cause to `reason`. `reason` must have room for registry_reason_size bytes.
bool schema_request_begin(SchemaRequest *request, const Source &source, int32_t id, char *reason);

// The texts of the answer are valid until schema_request_end().
RegistryAnswer schema_request_poll(SchemaRequest *request);

void schema_request_end(SchemaRequest *request); // does nothing if there is no request

inline constexpr long schema_request_look_ms = 20; // time between two calls of schema_request_poll()

} // namespace heartbeat
