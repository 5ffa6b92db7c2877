// Reads from heartbeat_control whether a source is paused. The workers call it before they store a batch or
// do maintenance. heartbeat_pause() and heartbeat_resume() write to heartbeat_control.
#pragma once

#include "server/extension.h"

namespace heartbeat {

struct Source;

enum class SourceState {
    unchanged,
    paused,
    changed, // a person has altered or dropped the source since the worker has loaded it
};

// Call it in a worker's transaction. If another transaction is changing heartbeat_control, it waits for that
// transaction. Later changes wait until the worker's transaction ends. Returns whether a person has paused or
// changed the source.
SourceState pause_check(const Source &source);

// Uses a transaction of its own. Returns true if the maintenance worker must not work. This is so after the
// database was restored from a dump, until a person calls heartbeat_resume(). It is also so if the workers of
// this server must not ingest (tables_wrong_server()).
bool pause_for_maintenance();

} // namespace heartbeat
