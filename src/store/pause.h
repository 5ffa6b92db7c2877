// Reads from heartbeat_control whether a source is paused. The workers call this file before they store a
// batch or do maintenance. heartbeat_pause() and heartbeat_resume() write to heartbeat_control. A function
// that pauses, alters or drops a source must first lock the source. While the function holds this lock, no
// worker stores a batch of the source.
#pragma once

#include "server/extension.h"

namespace heartbeat {

struct Source;

enum class SourceState {
    unchanged,
    paused,
    changed, // a person has altered or dropped the source since the worker loaded the source
    busy,    // another session is about to pause, alter or drop the source: ask again in a new transaction
};

// Call this function in a worker's transaction. Returns whether a person has paused, altered or dropped the
// source. A pause or change that starts later waits until the worker's transaction ends. If another
// transaction is pausing all sources, the function waits for that transaction. If another transaction is
// pausing or changing only this source, the function returns `busy` at once. The process can then continue
// with its other sources. If `waits` is true, the function instead waits a short time for that transaction,
// and then raises an error that names the session.
SourceState pause_check(const Source &source, bool waits);

// Call one of these functions before you write a pause or another change of a source. The function waits
// until the current batches of the source, or of all sources, have ended. The next batches wait until the
// caller's transaction ends.
void pause_lock_source(int32_t source_id);
void pause_lock_all();

// Uses a transaction of its own. Returns true if the maintenance worker must not work. One case is a database
// that was restored from a dump, until a person calls heartbeat_resume(). The other case is a server whose
// workers must not ingest (tables_wrong_server()).
bool pause_for_maintenance();

} // namespace heartbeat
