"""Peer: consumes readings as a simple script does, with one row, one statement and one transaction for each message.

by_row.py BROKERS TOPIC MESSAGES DSN: prints "ready", waits for a line of input, and stores the given number of messages. Then it
prints the number of rows and the seconds since the first message. The time before the first message does not count: the consumer
joins a group in this time, and a script joins its group only once. The program ends only at the end of its input, so that the
benchmark can read the CPU time of its processes. It commits offsets to Kafka's group every five seconds, independently of the
rows.
"""

import json
import sys
import time

import kafka
import psycopg2

from classify import classify

RECORD = ("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)"
          " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING")
ANOMALY = ("INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)"
           " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING")


def main():
    brokers, topic, messages, dsn = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    consumer = kafka.KafkaConsumer(bootstrap_servers=brokers, group_id=f"by-row-{time.time()}", auto_offset_reset="earliest",
                                   enable_auto_commit=True)
    print("ready", cursor.fetchone()[0], flush=True)
    sys.stdin.readline()
    consumer.subscribe([topic])
    began = None
    stored = 0
    for message in consumer:
        began = began or time.monotonic()
        reading = json.loads(message.value)
        row = (reading["customer_id"], reading["heart_rate"], reading["event_timestamp"])
        kind = classify(reading["heart_rate"])
        if kind is None:
            cursor.execute(RECORD, row)
        else:
            cursor.execute(ANOMALY, (*row, kind))
        stored += 1
        if stored == messages:
            break
    print("done", stored, time.monotonic() - began, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
