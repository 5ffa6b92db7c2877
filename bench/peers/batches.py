"""Peer: consumes readings as a careful script does, with batches, COPY, and the offsets in the same transaction.

batches.py BROKERS TOPIC MESSAGES DSN: prints "ready", waits for a line of input, and stores the given number of messages. Then it
prints the number of rows and the seconds since this line. It ends only at the end of its input, so that the benchmark can read
the CPU time of its processes.

The program does less than heartbeat. If a reading is a duplicate, the batch fails. If a message is invalid, the program ends. The
program marks no minutes for the rollup, has no counters, and does not notice a second writer.
"""

import sys
import time

import confluent_kafka
import orjson
import psycopg

from classify import classify

BATCH = 10_000
OFFSETS = "CREATE TABLE IF NOT EXISTS peer_offsets (topic text, partition int, next_offset bigint, PRIMARY KEY (topic, partition))"
MOVE = ("INSERT INTO peer_offsets VALUES (%s, %s, %s)"
        " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset")
RECORDS = "COPY heartbeat_records (customer_id, heart_rate, event_timestamp) FROM STDIN"
ANOMALIES = "COPY heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) FROM STDIN"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def lines_of(batch):
    """Returns the batch as texts for COPY, and the next offset of each partition."""
    records, anomalies, offsets = [], [], {}
    for message in batch:
        if message.error():
            raise RuntimeError(str(message.error()))
        reading = orjson.loads(message.value())
        customer, rate, event = reading["customer_id"].translate(ESCAPES), reading["heart_rate"], reading["event_timestamp"]
        kind = classify(rate)
        if kind is None:
            records.append(f"{customer}\t{rate}\t{event}\n")
        else:
            anomalies.append(f"{customer}\t{rate}\t{event}\t{kind}\n")
        offsets[message.partition()] = message.offset() + 1
    return records, anomalies, offsets


def store(connection, topic, records, anomalies, offsets):
    """Stores a batch and its offsets in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        for statement, lines in ((RECORDS, records), (ANOMALIES, anomalies)):
            if lines:
                with cursor.copy(statement) as copy:
                    copy.write("".join(lines))
        cursor.executemany(MOVE, [(topic, partition, offset) for partition, offset in offsets.items()])


def main():
    brokers, topic, messages, dsn = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(OFFSETS)
    connection.execute("TRUNCATE peer_offsets")
    connection.execute("SET synchronous_commit = off")  # as heartbeat's workers do
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "batches", "enable.auto.commit": False,
                                         "queued.min.messages": 1_000_000})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    print("ready", connection.info.backend_pid, flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in partitions])
    stored = 0
    while stored < messages:
        batch = consumer.consume(BATCH, timeout=0.1)
        if batch:
            store(connection, topic, *lines_of(batch))
            stored += len(batch)
    print("done", stored, time.monotonic() - began, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
