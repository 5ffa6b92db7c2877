"""Draws the figures of bench/growth. Run it through bench/plot, which installs matplotlib."""

import csv
import glob
import os
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

FOLDER = "docs/performance"
QUERIES = {
    "summary_hour_ms": "vw_customer_bpm_summary, the last hour",
    "anomalies_5min_ms": "anomalies of the last 5 minutes, counted",
    "recent_20_ms": "vw_recent_anomalies LIMIT 20",
    "pipeline_ms": "vw_pipeline_summary",
    "customer_10min_ms": "a customer's last 10 minutes",
}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items()} for row in rows]


def axes_for(title, unit):
    figure, axes = pyplot.subplots(figsize=(10, 4.5))
    axes.set_title(title)
    axes.set_xlabel("readings in the history, millions")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.3)
    return figure, axes


def millions(rows):
    return [row["history"] / 1e6 for row in rows]


def save(figure, name):
    figure.tight_layout()
    # The file contains no date, so the same figures always give the same file. The background is white, so that a drawing is
    # readable on a dark page.
    figure.savefig(f"{FOLDER}/{name}.svg", metadata={"Date": None}, facecolor="white")
    print(f"{FOLDER}/{name}.svg")


def main():
    measured = {path: read(path) for path in sys.argv[1:] or sorted(glob.glob("build/bench/growth*.csv"))}
    if not measured:
        sys.exit("There is nothing to draw: run bench/growth first.")
    measured = dict(sorted(measured.items(), key=lambda item: item[1][0]["customers"]))
    matplotlib.rcParams["svg.hashsalt"] = "heartbeat"
    os.makedirs(FOLDER, exist_ok=True)

    figure, axes = axes_for("Ingest of a backlog, beside a growing history", "rows a second")
    for rows in measured.values():
        axes.plot(millions(rows), [row["rows_per_second"] for row in rows], marker="o",
                  label=f"{rows[0]['customers']:,.0f} customers")
    axes.set_ylim(bottom=0, top=1.1 * axes.get_ylim()[1])
    axes.legend()
    save(figure, "growth-rate")

    figure, axes = axes_for("Dashboards' queries, beside a growing history", "milliseconds, median")
    for path, style in zip(measured, ("-", "--", ":")):
        rows = measured[path]
        for colour, (column, label) in enumerate(QUERIES.items()):
            axes.plot(millions(rows), [row[column] for row in rows], style, marker="o", color=f"C{colour}",
                      label=f"{label}, {rows[0]['customers']:,.0f} customers")
    axes.set_yscale("log")
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    save(figure, "growth-queries")


if __name__ == "__main__":
    main()
