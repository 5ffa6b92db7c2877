// Finds triggers and indexes that users have added to the tables of readings, and that can keep a row out
// without an error. store.cpp and rows.cpp ask for them.
#pragma once

namespace heartbeat {

// True if there are triggers that run before a row is inserted, or unique indexes besides the primary key.
// Call it in an SPI connection. As long as no table changes, it returns the remembered answer.
bool user_triggers_present();

} // namespace heartbeat
