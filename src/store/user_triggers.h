// What users have added to the readings' tables that can keep a row out without an error.
#pragma once

namespace heartbeat {

// Whether there are triggers that run before a row is inserted, or unique indexes beside the natural key. In
// an SPI connection; costs nothing while no table changes.
bool user_triggers_present();

} // namespace heartbeat
