// Compiles the types of a schema to steps. A deep schema could exhaust the stack of recursive functions. So
// the compiler keeps a list of the types that have no steps yet, and uses no recursion.
#include "decode/avro_plan.h"

#include "decode/avro_sizes.h"
#include "decode/mapping_limits.h"

#include <algorithm>
#include <map>

namespace heartbeat {

namespace {

AvroOp take_op(const AvroType &type) {
    switch (type.kind) {
    case AvroKind::null:
        return AvroOp::null;
    case AvroKind::boolean:
        return AvroOp::boolean;
    case AvroKind::integer:
        return AvroOp::integer;
    case AvroKind::long_integer:
        return AvroOp::long_integer;
    case AvroKind::float_real:
        return AvroOp::float_real;
    case AvroKind::double_real:
        return AvroOp::double_real;
    case AvroKind::bytes:
        return type.is_decimal ? AvroOp::decimal : AvroOp::bytes;
    case AvroKind::string:
        return AvroOp::string;
    case AvroKind::fixed:
        return type.is_decimal ? AvroOp::fixed_decimal : type.is_uuid ? AvroOp::fixed_uuid : AvroOp::fixed;
    case AvroKind::enumeration:
        return AvroOp::enumeration;
    case AvroKind::array:
        return AvroOp::array;
    case AvroKind::map:
        return AvroOp::map;
    case AvroKind::record:
        return AvroOp::record;
    case AvroKind::choice:
        return AvroOp::choice;
    }
    return AvroOp::none;
}

AvroOp skip_op(AvroKind kind) {
    switch (kind) {
    case AvroKind::integer:
    case AvroKind::long_integer:
    case AvroKind::enumeration:
        return AvroOp::skip_varint;
    case AvroKind::array:
    case AvroKind::map:
        return AvroOp::skip_blocks;
    case AvroKind::record:
        return AvroOp::skip_record;
    case AvroKind::choice:
        return AvroOp::skip_choice;
    default: // bytes and strings; for types with a fixed size, step() does not call skip_op()
        return AvroOp::skip_text;
    }
}

bool has_inner(AvroKind kind) {
    return kind >= AvroKind::array;
}

class Compiler {
  public:
    explicit Compiler(const AvroSchema &schema) : schema_(schema), sizes_(avro_fixed_sizes(schema)) {
        everything_.whole = true;
    }

    AvroPlan compile(const WantedValue &wanted) {
        plan_.root = step(schema_.root, &wanted);
        while (!open_.empty()) {
            const Open open = open_.back();
            open_.pop_back();
            groups_[open.group].first = static_cast<uint32_t>(plan_.steps.size());
            fill(schema_.types[open.type], open.wanted);
            close(&groups_[open.group]);
        }
        resolve(&plan_.root);
        for (AvroStep &step : plan_.steps)
            resolve(&step);
        return std::move(plan_);
    }

  private:
    // The index of a type, and the parts of its values that the mapping reads. If the pointer is nullptr, the
    // mapping reads no part of the values.
    using Use = std::pair<uint32_t, const WantedValue *>;

    struct Group { // the inner steps of a step
        uint32_t first = 0, count = 0, taken = 0;
    };

    struct Open { // a group that has no steps yet
        uint32_t group, type;
        const WantedValue *wanted;
    };

    // step() does not know yet where the inner steps of the new step will begin. So step() sets `first` to
    // the index of the group for these inner steps. Later, resolve() replaces this index with the index of
    // the first inner step.
    AvroStep step(uint32_t index, const WantedValue *wanted) {
        const AvroType &type = schema_.types[index];
        AvroStep made;
        if (wanted == nullptr && sizes_[index]) {
            made.op = AvroOp::skip_bytes;
            made.size = *sizes_[index];
            return made;
        }
        if (wanted != nullptr && wanted->whole)
            wanted = &everything_;
        made.op = wanted == nullptr ? skip_op(type.kind) : take_op(type);
        made.size = type.kind == AvroKind::fixed ? type.size : static_cast<uint32_t>(type.time);
        made.count = type.decimal_scale;
        made.first = has_inner(type.kind) ? group(index, wanted) : index;
        return made;
    }

    uint32_t group(uint32_t type, const WantedValue *wanted) {
        const auto [found, is_new] =
            group_of_.emplace(Use{type, wanted}, static_cast<uint32_t>(groups_.size()));
        if (is_new) {
            groups_.emplace_back();
            open_.push_back({found->second, type, wanted});
        }
        return found->second;
    }

    void add(AvroStep step, std::string_view name = {}, uint32_t number = no_value) {
        if (plan_.steps.size() == plan_steps_max)
            throw AvroSchemaFault{"schema needs more than " + std::to_string(plan_steps_max) +
                                  " steps to read with this mapping; expected a smaller schema"};
        step.name_data = name.data();
        step.name_size = static_cast<uint32_t>(name.size());
        step.number = number;
        plan_.steps.push_back(step);
    }

    void fill(const AvroType &type, const WantedValue *wanted) {
        switch (type.kind) {
        case AvroKind::record:
            for (const AvroMember &field : type.members)
                add_field(field, child(wanted, field.name));
            break;
        case AvroKind::choice:
            for (const AvroMember &branch : type.members)
                add(step(branch.type, wanted));
            break;
        case AvroKind::array:
        case AvroKind::map:
            fill_list(type, wanted);
            break;
        default:
            break;
        }
    }

    static const WantedValue *child(const WantedValue *wanted, const std::string &name) {
        return wanted == nullptr || wanted->whole ? wanted : wanted->child(name);
    }

    void add_field(const AvroMember &field, const WantedValue *wanted) {
        const AvroStep made = step(field.type, wanted);
        const bool is_first = plan_.steps.size() == filled_first_;
        if (made.op == AvroOp::skip_bytes && !is_first && plan_.steps.back().op == AvroOp::skip_bytes)
            plan_.steps.back().size = avro_add_sizes(plan_.steps.back().size, made.size);
        else
            add(made, field.name);
    }

    void fill_list(const AvroType &type, const WantedValue *wanted) {
        const uint32_t item = type.members[0].type;
        const bool is_map = type.kind == AvroKind::map;
        if (wanted == nullptr && is_map) {
            AvroStep key;
            key.op = AvroOp::skip_text;
            add(key);
        }
        add(step(item, nullptr));
        if (wanted == nullptr)
            return;
        const WantedValue *const others = wanted->whole ? wanted : wanted->others.get();
        add(others == nullptr ? AvroStep{} : step(item, others));
        if (is_map)
            for (const WantedValue &named : wanted->children)
                add(step(item, &named), plan_.names.emplace_back(named.name));
        else
            add_elements(item, *wanted);
    }

    void add_elements(uint32_t item, const WantedValue &wanted) {
        std::map<uint32_t, const WantedValue *> elements; // in the order of their indexes
        for (const WantedValue &named : wanted.children)
            if (named.number != no_value)
                elements.emplace(named.number, &named);
        for (const auto &[number, element] : elements)
            add(step(item, element), {}, number);
    }

    void close(Group *group) {
        group->count = static_cast<uint32_t>(plan_.steps.size()) - group->first;
        for (uint32_t i = group->first; i < group->first + group->count; i++)
            group->taken += plan_.steps[i].is_skip() ? 0 : 1;
        filled_first_ = static_cast<uint32_t>(plan_.steps.size());
    }

    void resolve(AvroStep *step) const {
        const bool skips_inner = step->op >= AvroOp::skip_blocks && step->op <= AvroOp::skip_choice;
        if (!skips_inner && step->op < AvroOp::array)
            return;
        const Group &group = groups_[step->first];
        step->first = group.first;
        step->count = group.count;
        step->size = group.taken;
    }

    const AvroSchema &schema_;
    const std::vector<std::optional<uint32_t>> sizes_;
    WantedValue everything_; // step() uses everything_ for each value that the mapping reads as a whole
    AvroPlan plan_;
    std::map<Use, uint32_t> group_of_;
    std::vector<Group> groups_;
    std::vector<Open> open_;
    uint32_t filled_first_ = 0; // the index of the first step of the group that fill() fills
};

} // namespace

AvroPlan avro_plan_compile(const AvroSchema &schema, const WantedValue &wanted) {
    return Compiler(schema).compile(wanted);
}

} // namespace heartbeat
