// Reads records, arrays and maps of an Avro message into the tree of values. The functions call themselves
// for inner values. message_depth_max limits this recursion: each record, array or map adds one level of
// depth. A union adds no level, but a union never directly contains a union.
#include "decode/avro_skip.h"
#include "decode/avro_values.h"
#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

// The indexes of the inner steps of an array or a map: see AvroStep.
enum : uint32_t { skip_step, others_step, first_named_step };

// The tree already has the first `size` elements of an array, and `count` more elements follow. Returns
// how many of these `count` elements become values of the tree.
uint64_t count_taken(const AvroStep *steps, uint32_t step_count, uint64_t count, uint32_t size) {
    if (steps[others_step].op != AvroOp::none)
        return count;
    if (step_count == first_named_step || steps[step_count - 1].number < size)
        return 0;
    return std::min(count, uint64_t{steps[step_count - 1].number} + 1 - size);
}

} // namespace

bool AvroValues::take_container(const AvroStep &step, uint32_t index) {
    if (!cursor_.enter())
        return false;
    const bool is_taken = step.op == AvroOp::record  ? take_record(step, index)
                          : step.op == AvroOp::array ? take_array(step, index)
                                                     : take_map(step, index);
    cursor_.leave();
    tree_[index].end = static_cast<uint32_t>(tree_.size());
    return is_taken;
}

bool AvroValues::take_record(const AvroStep &step, uint32_t index) {
    tree_[index].type = ValueType::object;
    tree_[index].size = step.size;
    for (uint32_t i = step.first; i < step.first + step.count; i++) {
        const AvroStep &field = plan_.steps[i];
        if (field.is_skip() ? avro_skip(&cursor_, plan_, field) : take(field, field.name()))
            continue;
        path_.add_field(field.name());
        return false;
    }
    return true;
}

bool AvroValues::take_array(const AvroStep &step, uint32_t index) {
    const AvroStep *const steps = &plan_.steps[step.first];
    const bool takes_others = steps[others_step].op != AvroOp::none;
    uint32_t named = first_named_step;
    AvroBlock block;
    tree_[index].type = ValueType::array;
    do {
        if (!cursor_.open_block(&block))
            return false;
        // Check the number before the loop: if each element has 0 bytes, even a small message can have
        // billions of elements.
        if (count_taken(steps, step.count, block.count, tree_[index].size) >
            message_values_max - tree_.size())
            return fail_values();
        while (block.count > 0) {
            const bool is_named = named < step.count && steps[named].number == tree_[index].size;
            if (!takes_others && named == step.count) {
                if (!avro_skip_elements(&cursor_, plan_, steps + skip_step, 1, &block))
                    return false;
                break;
            }
            if (!take_element(steps, is_named ? steps[named] : steps[others_step], index))
                return false;
            named += is_named ? 1 : 0;
            block.count--;
        }
        if (!cursor_.close_block(block))
            return false;
    } while (!block.is_last);
    return true;
}

// Takes one element of an array. An element that the mapping does not read becomes a null in the tree. So the
// elements after it keep their indexes.
bool AvroValues::take_element(const AvroStep *steps, const AvroStep &own, uint32_t index) {
    static constexpr AvroStep null_step = [] {
        AvroStep step;
        step.op = AvroOp::null;
        return step;
    }();
    const bool is_wanted = own.op != AvroOp::none;
    if (take(is_wanted ? own : null_step, {}) &&
        (is_wanted || avro_skip(&cursor_, plan_, steps[skip_step]))) {
        tree_[index].size++;
        return true;
    }
    path_.add_element(tree_[index].size);
    return false;
}

bool AvroValues::take_map(const AvroStep &step, uint32_t index) {
    uint32_t number = 0;
    AvroBlock block;
    tree_[index].type = ValueType::object;
    do {
        if (!cursor_.open_block(&block))
            return false;
        for (; block.count > 0; block.count--, number++)
            if (!take_member(step, index)) {
                path_.add_member(number);
                return false;
            }
        if (!cursor_.close_block(block))
            return false;
    } while (!block.is_last);
    tree_[index].end = static_cast<uint32_t>(tree_.size());
    return !value_repeats_name(tree_, index, &memory_.names) ||
           cursor_.fail("a map that repeats a key", "different keys");
}

bool AvroValues::take_member(const AvroStep &step, uint32_t index) {
    std::string_view name;
    if (!cursor_.text(&name))
        return false;
    const AvroStep *const member = member_step(step, name);
    if (member == nullptr)
        return avro_skip(&cursor_, plan_, plan_.steps[step.first + skip_step]);
    if (!utf8_is_text(name.data(), name.size()))
        return cursor_.fail("a key that is not valid text", "UTF-8 without the character U+0000");
    tree_[index].size++;
    return take(*member, name);
}

const AvroStep *AvroValues::member_step(const AvroStep &step, std::string_view name) const {
    const AvroStep *const steps = &plan_.steps[step.first];
    for (uint32_t i = first_named_step; i < step.count; i++)
        if (steps[i].name() == name)
            return &steps[i];
    return steps[others_step].op == AvroOp::none ? nullptr : &steps[others_step];
}

} // namespace heartbeat
