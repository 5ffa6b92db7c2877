// Reads and writes the definitions of sources in the tables. sources.cpp calls this file as the extension's
// owner, with the tables locked. This file checks no definition.
#pragma once

#include "admin/source_definition.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Locks the source of this name, if such a source exists, and waits for its current batches. If `drops` is
// true, the function also waits for sessions that seek, replay, retry or pause the source.
void source_store_lock(const char *name, bool drops);

// Returns false if there is no source of this name.
bool source_store_find(const char *name, SourceDefinition *source);

// Adds the source. Raises an error if the number of sources has reached heartbeat.max_sources.
void source_store_add(const SourceDefinition &source);

// Stores all fields of an existing source, with a new revision.
void source_store_change(const SourceDefinition &source);

// Removes the source with its offsets, gaps and pause. Moves its counters to heartbeat_dropped_offsets.
void source_store_drop(const char *name);

// Returns the details of an event as jsonb: the source, its topic, the names of the fields that `given` has,
// and the previous and new values of the changed fields. The details never contain the path of a properties
// file, because some roles may read events but not the path.
Datum source_store_details(const SourceDefinition &previous, const SourceDefinition &source,
                           const SourceDefinition &given);

} // namespace heartbeat
