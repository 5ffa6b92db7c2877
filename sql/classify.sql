-- heartbeat_classify() uses the worker's rule. The boundaries of this rule are 0, 40, 180 and 300. The test also uses the
-- nearest double below and above each boundary.
SET extra_float_digits = 1;

SELECT heart_rate, heartbeat_classify(heart_rate) FROM (VALUES
    ('-Infinity'::float8), (-1), (-5e-324), ('-0'), (0), (5e-324), (1), (39), (39.99999999999999), (40),
    (40.00000000000001), (74), (179.99999999999997), (180), (180.00000000000003), (181), (299.99999999999994), (300),
    (300.00000000000006), (301), (1.7976931348623157e308), ('Infinity'), ('NaN'), (NULL)) AS boundaries (heart_rate);

-- PostgreSQL converts a number of another type to double precision exactly, and refuses a text that is not a number
SELECT heartbeat_classify(40::smallint), heartbeat_classify(180::bigint), heartbeat_classify(180.5::numeric),
       heartbeat_classify(39.5::real);
SELECT heartbeat_classify('fast');

-- an index and a parallel query can use heartbeat_classify()
SELECT provolatile, proisstrict, proparallel FROM pg_proc WHERE proname = 'heartbeat_classify';

-- The constraints of the tables have the same rule as heartbeat_classify(): exactly one table accepts each heart rate, with exactly
-- one type. The test uses all whole and half heart rates, and the doubles next to each boundary.
CREATE TEMP TABLE rates AS
    SELECT rate / 2.0 AS heart_rate FROM generate_series(-10, 700) rate
    UNION ALL SELECT * FROM unnest('{-Infinity,-5e-324,5e-324,39.99999999999999,40.00000000000001,179.99999999999997,
        180.00000000000003,299.99999999999994,300.00000000000006,Infinity,NaN}'::float8[]);
CREATE TEMP TABLE fits (heart_rate float8, place text);
DO $$
DECLARE
    rate float8;
    type text;
BEGIN
    FOR rate IN SELECT heart_rate FROM rates LOOP
        BEGIN
            INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-1', rate, now());
            INSERT INTO fits VALUES (rate, 'NORMAL');
            DELETE FROM heartbeat_records;
        EXCEPTION WHEN check_violation THEN NULL;
        END;
        FOREACH type IN ARRAY ARRAY['NORMAL', 'BRADYCARDIA', 'TACHYCARDIA', 'INVALID'] LOOP
            BEGIN
                INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
                    VALUES ('CUST-1', rate, now(), type);
                INSERT INTO fits VALUES (rate, type);
                DELETE FROM heartbeat_anomalies;
            EXCEPTION WHEN check_violation THEN NULL;
            END;
        END LOOP;
    END LOOP;
END
$$;
SELECT r.heart_rate, heartbeat_classify(r.heart_rate), array_agg(f.place) AS places
FROM rates r LEFT JOIN fits f USING (heart_rate) GROUP BY r.heart_rate
HAVING array_agg(f.place) <> ARRAY[heartbeat_classify(r.heart_rate)] OR count(f.place) <> 1;
SELECT place, count(*) FROM fits GROUP BY place ORDER BY place COLLATE "C";
