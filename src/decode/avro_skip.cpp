// The functions call themselves for inner values. message_depth_max limits this recursion and its stack
// memory: each record, array or map adds one level of depth. A union adds no level, but a union never
// directly contains a union.
#include "decode/avro_skip.h"

namespace heartbeat {

namespace {

bool skip_record(AvroCursor *cursor, const AvroPlan &plan, const AvroStep &step) noexcept {
    if (!cursor->enter())
        return false;
    for (uint32_t i = step.first; i < step.first + step.count; i++)
        if (!avro_skip(cursor, plan, plan.steps[i]))
            return false;
    cursor->leave();
    return true;
}

bool skip_blocks(AvroCursor *cursor, const AvroPlan &plan, const AvroStep &step) noexcept {
    if (!cursor->enter())
        return false;
    AvroBlock block;
    do {
        if (!cursor->open_block(&block) ||
            !avro_skip_elements(cursor, plan, &plan.steps[step.first], step.count, &block))
            return false;
    } while (!block.is_last);
    cursor->leave();
    return true;
}

} // namespace

bool avro_skip_elements(AvroCursor *cursor, const AvroPlan &plan, const AvroStep *parts, uint32_t part_count,
                        AvroBlock *block) noexcept {
    if (block->end != nullptr)
        return cursor->skip_block(block);
    if (part_count == 1 && parts[0].op == AvroOp::skip_bytes) {
        const uint64_t size = parts[0].size;
        if (size > 0 && block->count > cursor->left() / size)
            return cursor->fail_end();
        return cursor->skip(static_cast<size_t>(block->count * size));
    }
    // These elements have no fixed size, so each element has at least one byte. If a block declares more
    // elements than bytes remain, the message is invalid.
    if (block->count > cursor->left())
        return cursor->fail_end();
    for (; block->count > 0; block->count--)
        for (uint32_t i = 0; i < part_count; i++)
            if (!avro_skip(cursor, plan, parts[i]))
                return false;
    return true;
}

bool avro_skip(AvroCursor *cursor, const AvroPlan &plan, const AvroStep &step) noexcept {
    std::string_view text;
    uint32_t branch;
    if (!cursor->spend())
        return false;
    switch (step.op) {
    case AvroOp::skip_bytes:
        return cursor->skip(step.size);
    case AvroOp::skip_varint:
        return cursor->skip_integer();
    case AvroOp::skip_text:
        return cursor->text(&text);
    case AvroOp::skip_blocks:
        return skip_blocks(cursor, plan, step);
    case AvroOp::skip_record:
        return skip_record(cursor, plan, step);
    case AvroOp::skip_choice:
        return cursor->choice(step.count, &branch) &&
               avro_skip(cursor, plan, plan.steps[step.first + branch]);
    default:
        return false;
    }
}

} // namespace heartbeat
