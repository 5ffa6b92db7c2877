// Skips values of an Avro message that the mapping does not read. The reader of Avro messages calls it.
#pragma once

#include "decode/avro_cursor.h"
#include "decode/avro_plan.h"

namespace heartbeat {

// Return false after a fault, which the cursor has.
bool avro_skip(AvroCursor *cursor, const AvroPlan &plan, const AvroStep &step) noexcept;

// Skips the elements of the block that are not read yet. `parts` are the skips of what an element has.
bool avro_skip_elements(AvroCursor *cursor, const AvroPlan &plan, const AvroStep *parts, uint32_t part_count,
                        AvroBlock *block) noexcept;

} // namespace heartbeat
