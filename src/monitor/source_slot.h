// The slots of the sources in shared memory. For each source that an ingest worker reads, the worker has a
// slot with the source's state, last error and throttling. The source readers write the slots, and
// aggregate_status.cpp reads the slots.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Takes a free slot of the worker. Returns nullptr if the worker already has heartbeat.max_sources sources.
SourceSlot *source_slot_open(const WorkerSlot &worker, int32_t source_id, const char *name);

// Frees the slot of the source. Also frees the slots of the source's Kafka partitions that the calling
// process has read.
void source_slot_close(SourceSlot *slot);

// Returns the index of the slot in the worker's array of slots. The first slot has the index 0.
int source_slot_number(const WorkerSlot &worker, const SourceSlot *slot);

// Sets the state of the source with its reason and hint, and writes one line to the server's log. Does
// nothing if the source already has this state and this reason.
void source_slot_report(SourceSlot *slot, WorkerState state, const char *reason, const char *hint);

void source_slot_error(SourceSlot *slot, const char *message);

// Stores that a broker throttles the source until the time `until`. Logs the throttling at most once a
// minute.
void source_slot_throttled(SourceSlot *slot, const char *broker, int milliseconds, MonotonicTime until);

// Writes the label of the source, such as `source "ward": `. A log line or a reason begins with this label.
// For the source `default`, the label is empty.
inline constexpr size_t source_label_size = source_name_size + 16;
void source_slot_label(const char *name, char (&label)[source_label_size]);

} // namespace heartbeat
