// Users can add triggers and indexes to the tables of readings. Such a trigger or index can prevent the
// insert of a row without an error. This file finds them. The table layouts and rows.cpp call it.
#pragma once

namespace heartbeat {

// Returns true if user_triggers_may_change() does, or if a table of readings has a unique index or an
// exclusion constraint besides the primary key. Call it in an SPI connection. As long as no table changes,
// the function returns the remembered answer.
bool user_triggers_present();

// Returns true if a table of readings has a trigger that runs before a row is inserted, or is a foreign
// table. The stored heart rate can then differ from the heart rate of the message.
bool user_triggers_may_change();

} // namespace heartbeat
