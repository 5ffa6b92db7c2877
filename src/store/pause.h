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
// with its other sources. But if `waits` is true, the function waits a short time for the other transaction.
// If the other transaction does not end within this time, the function raises an error that names the other
// session.
SourceState pause_check(const Source &source, bool waits);

// Call one of these functions before you write a pause or another change of a source. The function waits
// until the current batches of the source, or of all sources, have ended. The next batches wait until the
// caller's transaction ends.
void pause_lock_source(int32_t source_id);
void pause_lock_all();

// Uses a transaction of its own. Returns true if the maintenance worker must not work. There are two cases.
// First case: the database was restored from a dump, and after that no person has called heartbeat_resume().
// Second case: the workers of this server must not ingest (tables_wrong_server()).
bool pause_for_maintenance();

} // namespace heartbeat
