--
-- The schemas of Avro and Protobuf messages. Such a message does not contain its schema, but only the id of the schema. The
-- database stores the schemas, so heartbeat needs no schema registry after a restart, on a standby, or after the restore of a
-- dump.
--

CREATE TABLE heartbeat_schemas (
    schema_registry   text COLLATE "C" NOT NULL DEFAULT '',
    id                integer NOT NULL,
    schema_type       text COLLATE "C" NOT NULL DEFAULT 'AVRO' CHECK (schema_type IN ('AVRO', 'PROTOBUF', 'JSON')),
    schema            text NOT NULL,
    reference_names   text[] NOT NULL DEFAULT '{}',
    reference_schemas text[] NOT NULL DEFAULT '{}',
    added_by          text NOT NULL DEFAULT session_user,
    added_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_registry, id),
    CHECK (cardinality(reference_names) = cardinality(reference_schemas))
);
COMMENT ON TABLE heartbeat_schemas IS
    'Schemas of messages, by the id in the message. The ingest workers add each schema that they load from a schema registry, and '
    'heartbeat_add_schema() adds schemas for sites without a registry. If you delete a row, the workers load the schema again after '
    'the next call of heartbeat_alter_source() for the source, or after their next start.';
COMMENT ON COLUMN heartbeat_schemas.schema_registry IS
    'The schema_registry of the source, as in heartbeat_sources. Empty: the schema is for sources without a registry.';
COMMENT ON COLUMN heartbeat_schemas.id IS 'The id that messages have in their frame. A registry never uses an id for two schemas.';
COMMENT ON COLUMN heartbeat_schemas.schema_type IS 'AVRO, PROTOBUF or JSON.';
COMMENT ON COLUMN heartbeat_schemas.schema IS 'JSON text of an Avro or JSON schema, or text of a .proto file.';
COMMENT ON COLUMN heartbeat_schemas.reference_names IS
    'Names of the schemas that this schema refers to. The name of a schema comes after the names of the schemas that it needs. '
    'For Protobuf, the names are the paths of imports.';
COMMENT ON COLUMN heartbeat_schemas.reference_schemas IS 'Texts of the schemas in reference_names, in the same order.';
COMMENT ON COLUMN heartbeat_schemas.added_by IS 'User of the session or the worker that added the schema.';
COMMENT ON COLUMN heartbeat_schemas.added_at IS 'When the schema was added.';
