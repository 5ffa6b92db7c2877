-- Alert rules and their alerts. The test calls heartbeat_evaluate_alerts() itself, because no worker serves this database.
SET timezone = 'UTC';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE VIEW alerts AS
    SELECT rule, subject, source, closed_at IS NOT NULL AS closed, detail - 'last_event' - 'reason' AS detail
    FROM heartbeat_alerts ORDER BY rule, subject, source, id;

-- the table refuses invalid rules, for example a rule that would always or never raise an alert
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('', 'lag', 1, NULL);
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'noise', 1, '1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'anomalies', 0, '1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'anomalies', 3, NULL);
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'anomalies', NULL, '1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'anomalies', 3, '2 hours');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'silence', 1, '1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'silence', NULL, '1 second');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'lag', -1, NULL);
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'lag', 1, '1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('a', 'state', NULL, '-1 minute');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, customer_id) VALUES ('a', 'dead_letters', 1, 'c');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, anomaly_type) VALUES ('a', 'anomalies', 3, '1 minute', 'NORMAL');
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, customer_id) VALUES ('a', 'anomalies', 3, '1 minute', '');
SELECT count(*) AS rules FROM heartbeat_alert_rules;

-- without a rule, heartbeat_evaluate_alerts() raises no alert, and its result says that the worker need not call it again
SELECT * FROM heartbeat_evaluate_alerts('', true);

-- the condition of kind anomalies is met if a customer has enough anomalies within one period, even if the last of them is some
-- seconds old
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, anomaly_type, customer_id) VALUES
    ('any three', 'anomalies', 3, '10 seconds', NULL, NULL), ('slow twice', 'anomalies', 2, '10 seconds', 'BRADYCARDIA', NULL),
    ('one of c', 'anomalies', 1, '10 seconds', NULL, 'c');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    SELECT customer, rate, now() - ago * interval '1 second', heartbeat_classify(rate)
    FROM (VALUES ('a', 30, 20), ('a', 200, 15), ('a', 31, 11), ('b', 200, 30), ('b', 200, 19), ('b', 200, 9), ('c', 0, 1),
                 ('d', 200, 300), ('d', 200, 301), ('d', 200, 302)) v (customer, rate, ago);
SELECT raised, closed, open, on_arrival, on_clock, next_customer FROM heartbeat_evaluate_alerts('', true);
TABLE alerts;
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);

-- Further anomalies of the same episode raise no second alert. The end of the episode closes the alert. The next episode raises
-- a new alert.
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES ('a', 32, now(), 'BRADYCARDIA');
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
DELETE FROM heartbeat_anomalies WHERE customer_id = 'a' AND heart_rate < 32;
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 33, now() - interval '1 second', 'BRADYCARDIA'), ('a', 34, now() - interval '2 second', 'BRADYCARDIA');
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject, count(*), count(closed_at) AS closed FROM heartbeat_alerts GROUP BY 1, 2 ORDER BY 1, 2;

-- a disabled or deleted rule closes its alerts
UPDATE heartbeat_alert_rules SET enabled = false WHERE name = 'one of c';
DELETE FROM heartbeat_alert_rules WHERE name = 'slow twice';
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject FROM alerts WHERE NOT closed;
DELETE FROM heartbeat_alert_rules;
SELECT raised, closed, open, on_arrival, on_clock FROM heartbeat_evaluate_alerts('', true);

-- rules for the number of dead letters, for the consumer lag, and for a state that is not RUNNING
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES
    ('garbage', 'dead_letters', 2, NULL), ('stands still', 'state', NULL, '1 minute'), ('lags', 'lag', 0, NULL);
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, dead_letters) VALUES ('heartbeat-events', 0, 2, 0, 2);
SELECT raised, closed, open, on_arrival, on_clock FROM heartbeat_evaluate_alerts('', true);
UPDATE heartbeat_offsets SET next_offset = 3, dead_letters = 3;
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject, source, detail FROM alerts WHERE NOT closed;

-- An alert is about one source: the dead letters of another source raise another alert. While an alert is open, heartbeat writes the
-- present number into its detail at most once a minute, and does not raise the alert again.
INSERT INTO heartbeat_offsets (source, topic, partition, next_offset, first_offset, dead_letters) VALUES
    ('ward', 'heartbeat-events', 0, 2, 0, 2), ('few', 'heartbeat-events', 0, 2, 0, 1), ('few', 'heartbeat-events', 1, 2, 0, 1);
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
UPDATE heartbeat_offsets SET next_offset = 9, dead_letters = 9 WHERE source IN ('default', 'ward');
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject, source, detail->'dead_letters' AS first FROM alerts WHERE NOT closed AND rule = 'garbage';
UPDATE heartbeat_alerts SET detail_at = detail_at - interval '1 minute';
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject, source, detail FROM alerts WHERE NOT closed;
UPDATE heartbeat_offsets SET dead_letters_deleted = 8 WHERE source = 'default';
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);
SELECT rule, subject, source, detail FROM alerts WHERE NOT closed;
DELETE FROM heartbeat_alert_rules;
SELECT raised, closed, open FROM heartbeat_evaluate_alerts('', true);

-- heartbeat evaluates silence rules only while ingest is RUNNING; the evaluation of many customers takes several calls
INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('silent', 'silence', '1 minute');
INSERT INTO heartbeat_customers SELECT lpad(n::text, 5, '0') FROM generate_series(1, 10003) n;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('00001', 70, now() - interval '2 minutes');
SELECT raised, closed, open, on_arrival, on_clock, next_customer FROM heartbeat_evaluate_alerts('', true);
SELECT next_customer FROM heartbeat_evaluate_alerts('', false);
SELECT raised, closed, open, next_customer FROM heartbeat_evaluate_alerts('10000', true);
TRUNCATE heartbeat_customers, heartbeat_records;

-- one call raises and announces at most a thousand alerts, and the next call raises the others
DELETE FROM heartbeat_alert_rules;
INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('storm', 'anomalies', 1, '1 minute');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    SELECT 'storm-' || n, 200, now(), 'TACHYCARDIA' FROM generate_series(1, 1500) n;
SELECT raised, closed FROM heartbeat_evaluate_alerts('', true);
SELECT raised > 400 AS the_others, closed FROM heartbeat_evaluate_alerts('', true);
SELECT raised, closed FROM heartbeat_evaluate_alerts('', true);

-- heartbeat keeps the 10,000 alerts that were closed last. An alert with a low id can have been open for a long time. A call deletes
-- more of the other closed alerts than a call can close.
INSERT INTO heartbeat_alerts (rule, subject, closed_at, detail) SELECT 'past', n, now(), '{}' FROM generate_series(1, 15000) n;
UPDATE heartbeat_alerts SET closed_at = now() + interval '1 second' WHERE rule = 'garbage';
UPDATE heartbeat_alerts SET closed_at = now() - interval '1 hour' WHERE rule = 'past' AND subject::integer > 14000;
SELECT count(*) AS alerts_before FROM heartbeat_alerts \gset
SELECT raised, closed FROM heartbeat_evaluate_alerts('', true);
SELECT :alerts_before - count(*) > 1000 AS deleted FROM heartbeat_alerts;
SELECT rule, count(*), count(*) FILTER (WHERE rule = 'past' AND subject::integer > 14000) AS closed_long_ago FROM heartbeat_alerts
    WHERE rule IN ('past', 'garbage') GROUP BY rule ORDER BY rule;
SELECT raised, closed FROM heartbeat_evaluate_alerts('', true);
SELECT raised, closed FROM heartbeat_evaluate_alerts('', true);
SELECT count(closed_at) FROM heartbeat_alerts;

DROP VIEW alerts;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
