// Follows a plan to read the bytes of one Avro message into a tree of values. avro_reader.cpp makes one
// AvroValues for each message.
#pragma once

#include "decode/avro_cursor.h"
#include "decode/avro_path.h"
#include "decode/avro_plan.h"
#include "decode/schema_reader.h"

namespace heartbeat {

class AvroValues {
  public:
    AvroValues(const AvroSchema &schema, const AvroPlan &plan, std::string_view bytes, ReaderMemory *memory,
               ValueTree *tree)
        : schema_(schema), plan_(plan), cursor_(bytes), memory_(*memory), tree_(*tree) {}

    // Returns false after a fault. May throw std::bad_alloc.
    bool read();

    const AvroFault &fault() const { return cursor_.fault(); }
    const char *path() const { return path_.text(); }

  private:
    bool fail_values();
    bool take(const AvroStep &step, std::string_view name);
    bool take_scalar(const AvroStep &step, ValueNode *node);
    bool take_integer(const AvroStep &step, ValueNode *node);
    bool take_real(size_t size, ValueNode *node);
    bool take_decimal(const AvroStep &step, ValueNode *node);
    bool take_uuid(ValueNode *node);
    bool take_container(const AvroStep &step, uint32_t index);
    bool take_record(const AvroStep &step, uint32_t index);
    bool take_array(const AvroStep &step, uint32_t index);
    bool take_element(const AvroStep *steps, const AvroStep &own, uint32_t index);
    bool take_map(const AvroStep &step, uint32_t index);
    bool take_member(const AvroStep &step, uint32_t index);
    const AvroStep *member_step(const AvroStep &step, std::string_view name) const;

    const AvroSchema &schema_;
    const AvroPlan &plan_;
    AvroCursor cursor_;
    AvroPath path_;
    ReaderMemory &memory_;
    ValueTree &tree_;
};

} // namespace heartbeat
