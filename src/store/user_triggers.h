// Finds triggers and indexes that users have added to the tables of readings. Such a trigger or index can
// prevent the insert of a row without an error. The table layouts and rows.cpp call this file.
#pragma once

namespace heartbeat {

// Returns true if user_triggers_may_change() returns true, or if a table of readings has a unique index or an
// exclusion constraint besides the primary key. Call this function in an SPI connection. The first call
// searches the catalog. Later calls return the same answer until a table changes.
bool user_triggers_present();

// Returns true if a table of readings is a foreign table, or has a trigger that runs before a row is
// inserted. The stored heart rate can then differ from the heart rate of the message.
bool user_triggers_may_change();

} // namespace heartbeat
