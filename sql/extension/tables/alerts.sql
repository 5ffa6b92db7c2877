--
-- The alert rules and the alerts. People insert the rules, and the maintenance worker evaluates the rules. An alert is open while
-- its condition is met. heartbeat_alerts has one row for each episode in which the condition is met.
--

CREATE TABLE heartbeat_alert_rules (
    name         text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    kind         text COLLATE "C" NOT NULL,
    threshold    bigint,
    period       interval,
    customer_id  text COLLATE "C" CHECK (length(customer_id) BETWEEN 1 AND 256),
    anomaly_type text COLLATE "C" CHECK (anomaly_type IN ('BRADYCARDIA', 'TACHYCARDIA', 'INVALID')),
    enabled      boolean NOT NULL DEFAULT true,
    comment      text,
    CONSTRAINT heartbeat_alert_rules_kind
        CHECK (kind IN ('anomalies', 'silence', 'lag', 'dead_letters', 'state')),
    -- Each kind of rule needs a value in some columns, and some kinds need NULL in other columns. The check does not use BETWEEN,
    -- because pg_dump would write the check in another form.
    CONSTRAINT heartbeat_alert_rules_fields CHECK ((CASE kind
        WHEN 'anomalies' THEN threshold >= 1 AND threshold <= 1000
                              AND period >= interval '1 second' AND period <= interval '1 hour'
        WHEN 'silence' THEN threshold IS NULL AND anomaly_type IS NULL
                            AND period >= interval '10 seconds' AND period <= interval '1 day'
        WHEN 'state' THEN threshold IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
                          AND period >= interval '0' AND period <= interval '1 day'
        WHEN 'lag' THEN threshold >= 0 AND period IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
        WHEN 'dead_letters' THEN threshold >= 0 AND period IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
        ELSE true END) IS TRUE)
);
COMMENT ON TABLE heartbeat_alert_rules IS
    'The conditions that raise an alert: a number of anomalies of one customer in a time span, the silence of a customer, the '
    'lag, the number of dead letters, a state other than RUNNING. A change takes effect when it commits.';
COMMENT ON COLUMN heartbeat_alert_rules.name IS 'Name of the rule, also in heartbeat_alerts.';
COMMENT ON COLUMN heartbeat_alert_rules.kind IS
    'anomalies: the number of anomalies of a customer within the period is at or above the threshold. The time of an anomaly is '
    'event_timestamp, or ingested_at if event_timestamp is more than heartbeat.max_clock_skew after ingested_at. silence: no reading '
    'of a customer has arrived during the period, but a reading has arrived in the day before. lag: lag_messages of a source is above '
    'the threshold. dead_letters: the number of unresolved dead letters of a source is above the threshold. state: the state of a '
    'source, or of the workers, has been other than RUNNING for the whole period.';
COMMENT ON COLUMN heartbeat_alert_rules.threshold IS 'Number of anomalies, messages or dead letters; see kind.';
COMMENT ON COLUMN heartbeat_alert_rules.period IS
    'Time span; see kind. Up to an hour for anomalies, 10 seconds to a day for silence.';
COMMENT ON COLUMN heartbeat_alert_rules.customer_id IS 'The rule is only for this customer; NULL: for each customer.';
COMMENT ON COLUMN heartbeat_alert_rules.anomaly_type IS
    'The rule counts only anomalies of this type; NULL: anomalies of all types.';
COMMENT ON COLUMN heartbeat_alert_rules.enabled IS
    'Whether heartbeat evaluates the rule. heartbeat closes the alerts of a disabled rule.';
COMMENT ON COLUMN heartbeat_alert_rules.comment IS 'Purpose of the rule.';

CREATE TABLE heartbeat_alerts (
    id        bigserial PRIMARY KEY,
    rule      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    detail    jsonb NOT NULL,
    source    text COLLATE "C",
    detail_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX ON heartbeat_alerts (rule, subject, coalesce(source, '')) WHERE closed_at IS NULL;
CREATE INDEX ON heartbeat_alerts (closed_at) WHERE closed_at IS NOT NULL;
COMMENT ON TABLE heartbeat_alerts IS
    'One row for each episode during which the condition of a rule is met. The alert is open while closed_at is NULL. heartbeat '
    'keeps the 10,000 alerts that were closed last, and deletes closed alerts that are older than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_alerts.id IS 'Number of the alert. It increases with each alert, and has gaps.';
COMMENT ON COLUMN heartbeat_alerts.rule IS 'Name of the rule.';
COMMENT ON COLUMN heartbeat_alerts.subject IS
    'What the alert is about: the customer, the topic (kind lag), or the word pipeline (kinds dead_letters and state).';
COMMENT ON COLUMN heartbeat_alerts.raised_at IS 'When the alert was raised.';
COMMENT ON COLUMN heartbeat_alerts.closed_at IS
    'When the condition ended, the rule was disabled, or the source was dropped (kinds lag and state); NULL while the alert is open.';
COMMENT ON COLUMN heartbeat_alerts.detail IS
    'The values that raised the alert; the keys depend on the kind of the rule. While an alert of kind lag, dead_letters or state '
    'is open, heartbeat updates the values when the state changes, and otherwise at most once a minute.';
COMMENT ON COLUMN heartbeat_alerts.source IS
    'Name of the source that the alert is about. Kind silence: the source of the customer''s last reading; NULL if this source is not '
    'known or was dropped. NULL for all other alerts that belong to no source: kind anomalies, workers that do not run, a duty of the '
    'maintenance worker that fails, a pause of all sources.';
COMMENT ON COLUMN heartbeat_alerts.detail_at IS 'When heartbeat last wrote the column detail.';
