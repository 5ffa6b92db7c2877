--
-- The counters of sources that were dropped
--

-- The readings and dead letters of a dropped source stay in the tables. So heartbeat_audit_tables() also needs the counters of
-- dropped sources.
CREATE TABLE heartbeat_dropped_offsets (
    source               text COLLATE "C" NOT NULL,
    topic                text COLLATE "C" NOT NULL,
    records              bigint NOT NULL DEFAULT 0,
    bradycardia          bigint NOT NULL DEFAULT 0,
    tachycardia          bigint NOT NULL DEFAULT 0,
    invalid              bigint NOT NULL DEFAULT 0,
    duplicates           bigint NOT NULL DEFAULT 0,
    conflicts            bigint NOT NULL DEFAULT 0,
    dead_letters         bigint NOT NULL DEFAULT 0,
    dead_letters_deleted bigint NOT NULL DEFAULT 0,
    first_event          timestamptz,
    last_event           timestamptz,
    last_dead_letter     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (source, topic)
);
COMMENT ON TABLE heartbeat_dropped_offsets IS
    'Internal: the counters of dropped sources. heartbeat_drop_source() has moved these counters here from heartbeat_offsets. '
    'heartbeat_audit_tables() and vw_pipeline_summary add these counters to the counters of heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.source IS 'Name that the source had.';
COMMENT ON COLUMN heartbeat_dropped_offsets.topic IS 'Kafka topic that the source had read.';
COMMENT ON COLUMN heartbeat_dropped_offsets.records IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.bradycardia IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.tachycardia IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.invalid IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.duplicates IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.conflicts IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.dead_letters IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.dead_letters_deleted IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.first_event IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.last_event IS 'See heartbeat_offsets.';
COMMENT ON COLUMN heartbeat_dropped_offsets.last_dead_letter IS
    'The highest id in heartbeat_dead_letters when the source was last dropped. Dead letters of the source and topic up to this id '
    'belong to the counters in this row. Dead letters with a higher id belong to a source of the same name that was added later.';
