// The slot of a source in shared memory, for each ingest worker that reads it: its state, its last error and
// its throttling. The source readers write it, and aggregate_status.cpp reads it.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Takes a free slot of the worker. nullptr: heartbeat.max_sources is reached.
SourceSlot *source_slot_open(const WorkerSlot &worker, int32_t source_id, const char *name);

// Frees the slot, and those of the source's partitions that the calling process has read.
void source_slot_close(SourceSlot *slot);

// The number of the slot among those of its worker.
int source_slot_number(const WorkerSlot &worker, const SourceSlot *slot);

// Sets the state of the source. It logs each change of the state or the reason once.
void source_slot_report(SourceSlot *slot, WorkerState state, const char *reason, const char *hint);

void source_slot_error(SourceSlot *slot, const char *message);

// Records that a broker throttles the reading of the source until `until`. It logs this at most once a
// minute.
void source_slot_throttled(SourceSlot *slot, const char *broker, int milliseconds, TimestampTz until);

// Writes what names the source at the beginning of a line of the log or of a reason: `source "ward": `. The
// source `default` is not named.
inline constexpr size_t source_label_size = source_name_size + 16;
void source_slot_label(const char *name, char (&label)[source_label_size]);

} // namespace heartbeat
