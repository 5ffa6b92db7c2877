#!/usr/bin/env python3
"""Prints heartbeat's notifications as they arrive: anomalies, states and alerts.

    examples/listen.py "dbname=heartbeat"      # needs Debian's python3-psycopg2; Ctrl-C ends it

A notification reaches only sessions that listen, so the program reads the open alerts from their table after each connect.
"""

import json
import select
import sys
import time

import psycopg2

CHANNELS = ("heartbeat_anomaly", "heartbeat_state", "heartbeat_alert")


def describe(channel, payload):
    told = json.loads(payload)
    if channel == "heartbeat_anomaly":
        if "omitted" in told:
            return f"{told['omitted']} more anomalies: see vw_recent_anomalies"
        return "{customer_id}: {anomaly_type}, {heart_rate} bpm at {event_timestamp}".format(**told)
    if channel == "heartbeat_state":
        return f"{told['state']} since {told['since']}: {told['reason'] or ''}"
    return describe_alert(told["alert"], told["rule"], told["subject"], told["source"])


def describe_alert(what, rule, subject, source):
    return f"{what}: rule {rule}, {subject}" + (f" (source {source})" if source else "")


def show(kind, text):
    print(f"{kind:<9} {text}", flush=True)


def listen(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for channel in CHANNELS:
            cursor.execute(f"LISTEN {channel}")
        cursor.execute("SELECT state, reason FROM heartbeat_status")
        state, reason = cursor.fetchone()
        show("state", f"{state}: {reason or ''}")
        cursor.execute("SELECT rule, subject, source FROM heartbeat_alerts WHERE closed_at IS NULL ORDER BY raised_at")
        for rule, subject, source in cursor.fetchall():
            show("alert", describe_alert("open", rule, subject, source))
    while True:
        for notification in connection.notifies:
            show(notification.channel.removeprefix("heartbeat_"), describe(notification.channel, notification.payload))
        connection.notifies.clear()
        select.select([connection], [], [])
        connection.poll()


def main():
    dsn = sys.argv[1] if len(sys.argv) > 1 else ""
    while True:
        try:
            listen(dsn)
        except psycopg2.OperationalError as error:
            show("lost", str(error).strip().splitlines()[0])
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
