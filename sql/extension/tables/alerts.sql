--
-- Alert rules, which people insert, and the alerts. The maintenance worker evaluates the rules. An alert is open while its condition is
-- met. Each such episode has one row.
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
    -- each kind needs some columns and refuses the others; not written with BETWEEN, which pg_dump would write differently
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
    'What is to raise an alert: a number of anomalies of one customer in a time, the silence of a customer, lag, dead '
    'letters, a state that is not RUNNING. A change is noticed when it commits.';
COMMENT ON COLUMN heartbeat_alert_rules.name IS 'What the rule is called, in heartbeat_alerts too.';
COMMENT ON COLUMN heartbeat_alert_rules.kind IS
    'anomalies: a customer has threshold of them within period, by their event_timestamp, or by their arrival where that is '
    'further ahead than heartbeat.max_clock_skew. silence: of a customer heard in the last day nothing has arrived for period. lag: lag_messages is above threshold. dead_letters: more than threshold are '
    'unresolved. state: heartbeat_status has not been RUNNING for period.';
COMMENT ON COLUMN heartbeat_alert_rules.threshold IS 'How many; see kind.';
COMMENT ON COLUMN heartbeat_alert_rules.period IS
    'How long; see kind. Up to an hour for anomalies, 10 seconds to a day for silence.';
COMMENT ON COLUMN heartbeat_alert_rules.customer_id IS 'Of this customer alone; NULL: of each one.';
COMMENT ON COLUMN heartbeat_alert_rules.anomaly_type IS 'Of this type alone; NULL: of any.';
COMMENT ON COLUMN heartbeat_alert_rules.enabled IS 'Whether it is evaluated; the alerts of a rule that is not are closed.';
COMMENT ON COLUMN heartbeat_alert_rules.comment IS 'What it is for.';

CREATE TABLE heartbeat_alerts (
    id        bigserial PRIMARY KEY,
    rule      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    detail    jsonb NOT NULL
);
CREATE UNIQUE INDEX ON heartbeat_alerts (rule, subject) WHERE closed_at IS NULL;
CREATE INDEX ON heartbeat_alerts (closed_at) WHERE closed_at IS NOT NULL;
COMMENT ON TABLE heartbeat_alerts IS
    'One row for each time that a rule''s condition was met: open while closed_at is NULL. Of those that are closed the '
    'newest 10,000 are kept, none longer than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_alerts.id IS 'Rises with each alert, not without gaps.';
COMMENT ON COLUMN heartbeat_alerts.rule IS 'The rule''s name.';
COMMENT ON COLUMN heartbeat_alerts.subject IS 'Whom it is about: the customer, the topic, or pipeline.';
COMMENT ON COLUMN heartbeat_alerts.raised_at IS 'When it was raised.';
COMMENT ON COLUMN heartbeat_alerts.closed_at IS 'When it was over, or its rule disabled; NULL while it is open.';
COMMENT ON COLUMN heartbeat_alerts.detail IS 'What was found when it was raised, by kind of the rule.';
