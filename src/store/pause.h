// Reads from heartbeat_control whether a source is paused. The workers call it before they store a batch or
// do maintenance. heartbeat_pause() and heartbeat_resume() write to heartbeat_control. The functions that
// pause, alter or drop a source take the lock for which a batch of this source waits.
#pragma once

#include "server/extension.h"

namespace heartbeat {

struct Source;

enum class SourceState {
    unchanged,
    paused,
    changed, // a person has altered or dropped the source since the worker has loaded it
    busy,    // another session is about to pause, alter or drop the source: ask again in a new transaction
};

// Call it in a worker's transaction. If another transaction is pausing all sources, it waits for that
// transaction. If another transaction is changing this source, it returns `busy`, because the process also
// reads other sources. If `waits` is true, it waits a moment for that transaction, and then raises an error
// that names its session. Later changes wait until the worker's transaction ends. Returns what a person has
// done to the source.
SourceState pause_check(const Source &source, bool waits);

// Call it before you write the change. Each waits for the current batches of the source, or of all sources.
// Their next batches wait until the caller's transaction ends.
void pause_lock_source(int32_t source_id);
void pause_lock_all();

// Uses a transaction of its own. Returns true if the maintenance worker must not work. This is so after the
// database was restored from a dump, until a person calls heartbeat_resume(). It is also so if the workers of
// this server must not ingest (tables_wrong_server()).
bool pause_for_maintenance();

} // namespace heartbeat
