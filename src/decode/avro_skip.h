// Skips values of an Avro message that the mapping does not read. The reader of Avro messages calls these
// functions.
#pragma once

#include "decode/avro_cursor.h"
#include "decode/avro_plan.h"

namespace heartbeat {

// Both functions return false after a fault, and the cursor keeps the fault.
bool avro_skip(AvroCursor *cursor, const AvroPlan &plan, const AvroStep &step) noexcept;

// Skips the remaining elements of the block. `parts` are the steps that skip one element.
bool avro_skip_elements(AvroCursor *cursor, const AvroPlan &plan, const AvroStep *parts, uint32_t part_count,
                        AvroBlock *block) noexcept;

} // namespace heartbeat
