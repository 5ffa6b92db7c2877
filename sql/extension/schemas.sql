--
-- This function adds schemas for sites without a schema registry
--

-- This function is not SECURITY DEFINER, for the reason that sources.sql gives for heartbeat_add_source().
CREATE FUNCTION heartbeat_add_schema(id integer, schema text, schema_type text DEFAULT 'AVRO', schema_registry text DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_add_schema(integer, text, text, text) IS
    'Adds a schema to heartbeat_schemas. Messages name the schema by this id. The type is AVRO, PROTOBUF or JSON. Give the '
    'schema_registry of the source, or NULL for sources without a registry. The function refuses a schema that heartbeat cannot use, '
    'and an id that already has a different schema. Afterwards call heartbeat_retry_dead_letters(''UNKNOWN_SCHEMA'').';
