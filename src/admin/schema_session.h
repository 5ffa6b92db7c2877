// Loads the schemas that the decoder of a session needs and does not have. The functions for replay, for
// retry and for trying a source call this file. A session that asks the schema registry waits for the answer,
// and a user can cancel this wait.
#pragma once

#include "decode/decoder.h"
#include "store/schemas.h"
#include "store/sources.h"

namespace heartbeat {

// A question about a schema. If schema_session_find() finds the schema, it calls use() with the schema. The
// texts of the schema exist only until use() returns. The session does not store the schema in
// heartbeat_schemas: a worker that stores the same schema would wait until the session's transaction ends.
struct SchemaQuestion {
    const Source &source;
    int32_t id;
    void (*use)(const StoredSchema &schema, void *argument);
    void *argument;
};

// Looks into heartbeat_schemas first, and then asks the registry of the source. Returns false if the registry
// does not have the schema, or if the source has no registry. Raises an error if the registry does not
// answer. SPI_tuptable and SPI_processed of the caller stay unchanged.
bool schema_session_find(const SchemaQuestion &question);

// Gives the decoder the schema that the decoder has asked for. Call this function after
// DecodeResult::needs_schema, and then decode the message again. This function raises the same errors as
// schema_session_find().
void schema_session_load(const Source &source, Decoder *decoder);

// Raises an error with the reason why a schema cannot be loaded. The reason is in UTF-8.
[[noreturn]] void schema_session_refuse(const Source &source, int32_t id, const char *reason);

} // namespace heartbeat
