// Compiles the plans of a schema: one plan for each pair of a message type and a WantedValue. If a message
// type contains itself, its plan can refer to itself.
#include "decode/protobuf_compile.h"

#include "decode/protobuf_types.h"
#include "decode/protobuf_wanted.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace heartbeat {

namespace {

constexpr uint32_t dense_numbers = 64; // below this field number, the plan needs no search
constexpr size_t visits_max = 64 * protobuf_plan_fields_max; // limits the time for one compilation

class PlanMaker {
  public:
    PlanMaker(const ProtobufSchema &schema, ProtobufPlan *plan, SchemaError *error)
        : schema_(schema), plan_(*plan), error_(error), enums_(schema.enums.size(), no_value),
          names_(schema.messages.size()) {}

    bool make(bool all_roots, const WantedValue &wanted) {
        const ProtobufWant want = ProtobufWant{nullptr, true, false}.of(&wanted);
        plan_.roots.push_back({no_value, 1, 0});
        add_roots(0, all_roots ? schema_.main : std::vector<uint32_t>{schema_.main.front()}, want);
        for (size_t root = 1; all_roots && root < plan_.roots.size(); ++root)
            add_roots(root, schema_.messages[root_types_[root - 1]].nested, want);
        for (size_t i = 0; i < tasks_.size(); ++i)
            if (!make_message(static_cast<uint32_t>(i)))
                return false;
        return true;
    }

  private:
    using Numbers = std::map<uint32_t, uint32_t>;

    struct Task {
        uint32_t type;
        ProtobufWant want;
    };

    void add_roots(size_t outer, const std::vector<uint32_t> &types, const ProtobufWant &want) {
        plan_.roots[outer].nested = static_cast<uint32_t>(plan_.roots.size());
        plan_.roots[outer].nested_count = static_cast<uint32_t>(types.size());
        for (const uint32_t type : types) {
            const bool is_entry = schema_.messages[type].is_map_entry; // a frame never selects a map entry
            plan_.roots.push_back({is_entry ? no_value : message(type, want), 0, 0});
            root_types_.push_back(type);
        }
    }

    // Returns the index of the type's plan. make_message() fills in this plan later.
    uint32_t message(uint32_t type, const ProtobufWant &want) {
        const std::tuple key(type, want.value, want.is_whole);
        const auto [found, is_new] = known_.try_emplace(key, static_cast<uint32_t>(tasks_.size()));
        if (is_new) {
            tasks_.push_back({type, want});
            plan_.messages.emplace_back();
        }
        return found->second;
    }

    // The caller can free the descriptors and the mapping, so a plan has its own copies of texts.
    std::string_view keep(std::string_view text) { return plan_.texts.emplace_back(text); }

    std::string_view message_name(uint32_t type) {
        if (names_[type].empty())
            names_[type] = keep(schema_.messages[type].name);
        return names_[type];
    }

    bool make_message(uint32_t index) {
        const auto [type, want] = tasks_[index];
        const ProtobufMessage &message = schema_.messages[type];
        ProtobufPlanMessage made;
        made.name = message_name(type);
        made.form = protobuf_form(message, want);
        visits_ += message.fields.size();
        const WantedMembers members(message, want);
        Numbers positions, oneofs; // oneofs: the slots of the oneofs with a field that the mapping reads
        for (const ProtobufField &field : message.fields) {
            uint32_t first = no_value;
            if (visits_ > visits_max)
                return fail_fields();
            for (const WantedMember &member : members.of(field)) {
                const auto position = static_cast<uint32_t>(made.fields.size());
                made.fields.push_back(make_field(field, member, made.form));
                made.fields.back().slot = made.slots;
                if (first == no_value)
                    first = position;
                made.fields[first].limit = std::max(made.fields[first].limit, made.fields.back().limit);
                if (field.oneof != no_value)
                    oneofs.try_emplace(field.oneof, 0);
            }
            if (first != no_value) {
                made.slots++;
                positions.emplace(field.number, first);
                add_number(field.number, first, &made);
            }
        }
        add_oneofs(message, positions, &oneofs, &made);
        std::sort(made.sparse.begin(), made.sparse.end());
        fields_ += made.fields.size();
        plan_.messages[index] = std::move(made);
        return fields_ <= protobuf_plan_fields_max || fail_fields();
    }

    bool fail_fields() {
        return protobuf_schema_fail(error_,
                                    "the schema has too many fields for this mapping; expected at most %zu "
                                    "fields that the mapping reads, those of nested messages included",
                                    protobuf_plan_fields_max);
    }

    static void add_number(uint32_t number, uint32_t index, ProtobufPlanMessage *made) {
        if (number >= dense_numbers) {
            made->sparse.emplace_back(number, index);
            return;
        }
        if (made->dense.size() <= number)
            made->dense.resize(number + 1, 0);
        made->dense[number] = index + 1;
    }

    // The plan has all members of a oneof, because in a message a later member replaces an earlier one.
    void add_oneofs(const ProtobufMessage &message, const Numbers &positions, Numbers *oneofs,
                    ProtobufPlanMessage *made) {
        if (oneofs->empty())
            return;
        for (auto &[oneof, slot] : *oneofs)
            slot = made->slots++;
        for (const ProtobufField &field : message.fields) {
            const auto found = oneofs->find(field.oneof); // for a field that is in no oneof, this is end()
            if (found == oneofs->end())
                continue;
            const auto known = positions.find(field.number);
            auto position = static_cast<uint32_t>(made->fields.size());
            if (known != positions.end()) {
                position = known->second;
            } else {
                ProtobufPlanField &added = made->fields.emplace_back(make_field(field, {}, made->form));
                added.is_taken = false;
                added.slot = made->slots++;
                add_number(field.number, position, made);
            }
            made->fields[position].oneof = found->second;
        }
    }

    ProtobufPlanField make_field(const ProtobufField &field, const WantedMember &member, ProtobufForm form) {
        ProtobufPlanField made;
        made.name = member.want.is_taken ? keep(member.name) : std::string_view();
        made.is_taken = member.want.is_taken;
        made.type = field.type;
        made.wire = protobuf_wire(field.type);
        if (field.type == ProtobufType::enumeration) {
            made.enumeration = enumeration(field.target);
            made.is_closed = plan_.enums[made.enumeration].is_closed;
        }
        if (!made.is_taken)
            return made;
        if (field.is_repeated)
            make_elements(field, member.want, &made);
        else if (protobuf_is_message(field.type) && form != ProtobufForm::entry)
            made.message = message(field.target, member.want);
        make_absent(field, form == ProtobufForm::wrapper || form == ProtobufForm::entry, &made);
        return made;
    }

    // Sets the value that the reader uses if a message does not have the field. `is_needed` is true for
    // fields that always need this value: the value of a wrapper, and the key and the value of a map's entry.
    void make_absent(const ProtobufField &field, bool is_needed, ProtobufPlanField *made) {
        if (field.is_repeated || protobuf_is_message(field.type))
            return;
        const bool has_default = field.has_default && field.oneof == no_value;
        if (field.type == ProtobufType::enumeration) {
            visits_ += has_default ? schema_.enums[field.target].values.size() : 0;
            protobuf_set_enum(field, schema_.enums[field.target], plan_.enums[made->enumeration],
                              &made->absent);
            made->has_absent = has_default || is_needed || !field.has_presence;
        } else if (has_default) {
            made->has_absent = protobuf_set_default(field, &plan_.texts.emplace_back(), &made->absent);
        } else {
            protobuf_set_zero(field.type, &made->absent);
            made->has_absent = is_needed || !field.has_presence;
        }
    }

    void make_elements(const ProtobufField &field, const ProtobufWant &want, ProtobufPlanField *made) {
        const ProtobufMessage *entry = nullptr;
        if (protobuf_is_message(field.type) && schema_.messages[field.target].is_map_entry)
            entry = &schema_.messages[field.target];
        const ProtobufField &element = entry != nullptr ? entry->fields[1] : field;
        const auto plan_of = [&](const ProtobufWant &wanted) {
            return protobuf_is_message(element.type) ? message(element.target, wanted) : no_value;
        };
        ProtobufElements elements;
        for (const WantedValue &child : want.children())
            if (entry != nullptr || child.number != no_value)
                elements.elements.push_back({child.number, plan_of(want.of(&child)),
                                             entry != nullptr ? keep(child.name) : std::string_view()});
        const ProtobufWant others = want.others();
        elements.takes_others = others.is_taken;
        if (others.is_taken)
            elements.others = plan_of(others);
        fields_ += elements.elements.size();
        made->elements = static_cast<uint32_t>(plan_.elements.size());
        made->shape = entry != nullptr ? ProtobufShape::map : ProtobufShape::list;
        if (entry != nullptr)
            made->message = message(field.target, {nullptr, true, false});
        std::sort(elements.elements.begin(), elements.elements.end(),
                  [&](const auto &left, const auto &right) {
                      return entry != nullptr ? left.name < right.name : left.number < right.number;
                  });
        // In a list of a closed enum, the reader leaves out each value that is not in the enum, so the
        // elements after it get smaller indexes. So the reader must keep all elements.
        const bool is_any = entry != nullptr || elements.takes_others || made->is_closed;
        made->limit = is_any ? no_value : elements.elements.empty() ? 0 : elements.elements.back().number + 1;
        plan_.elements.push_back(std::move(elements));
    }

    uint32_t enumeration(uint32_t type) {
        if (enums_[type] != no_value)
            return enums_[type];
        enums_[type] = static_cast<uint32_t>(plan_.enums.size());
        plan_.enums.push_back(protobuf_plan_enum(schema_.enums[type], &plan_.texts));
        return enums_[type];
    }

    const ProtobufSchema &schema_;
    ProtobufPlan &plan_;
    SchemaError *const error_;
    std::vector<Task> tasks_; // one task for each plan
    std::map<std::tuple<uint32_t, const WantedValue *, bool>, uint32_t> known_;
    std::vector<uint32_t> root_types_, enums_;
    std::vector<std::string_view> names_;
    size_t fields_ = 0, visits_ = 0;
};

} // namespace

bool protobuf_plan_make(const ProtobufSchema &schema, bool all_roots, const WantedValue &wanted,
                        ProtobufPlan *plan, SchemaError *error) {
    return PlanMaker(schema, plan, error).make(all_roots, wanted);
}

} // namespace heartbeat
