// Reads the JSON object of a mapping. mapping_place.cpp, mapping_fields.cpp and mapping_time.cpp read its
// parts. If the mapping has faults, mapping_compile() returns the first fault as texts for a person.
#include "decode/mapping_compile.h"

#include "decode/mapping_fields.h"
#include "decode/mapping_limits.h"
#include "decode/mapping_place.h"
#include "decode/utf8_text.h"
#include "decode/wanted_values.h"

#include <algorithm>
#include <new>

namespace heartbeat {

namespace {

constexpr std::string_view keys[] = {"customer_id", "heart_rate", "event_timestamp",
                                     "device_id",   "each",       "when"};

std::string legal_keys() {
    return "an object with the keys \"customer_id\", \"heart_rate\", \"event_timestamp\", and if needed "
           "\"device_id\", \"each\" and \"when\"";
}

// Checks the depth of the mapping, and finds repeated keys. JsonTree also finds repeated keys, but does not
// return their places.
void check_names(const MappingValue &value, uint32_t depth, std::vector<std::string_view> *names) {
    if (depth > mapping_depth_max)
        value.refuse("is nested too deeply",
                     "a mapping of at most " + std::to_string(mapping_depth_max) + " levels");
    if (value.type() == ValueType::object && value_repeats_name(*value.tree, value.index, names)) {
        uint32_t count = 0;
        value.for_each([&](const MappingValue &member) {
            if (value_member(*value.tree, value.index, member.node().name()) != member.index && count++ == 0)
                member.refuse("is repeated", "each key once in an object");
        });
    }
    value.for_each([&](const MappingValue &child) { check_names(child, depth + 1, names); });
}

class MappingCompiler {
  public:
    explicit MappingCompiler(Mapping *mapping) : mapping_(*mapping) {}

    void compile() {
        const MappingValue root = {&mapping_.source.tree(), 0, ""};
        std::vector<std::string_view> names;
        check_names(root, 1, &names);
        if (root.type() != ValueType::object)
            root.refuse_type(legal_keys());
        root.for_each([&](const MappingValue &member) { mapping_check_name(member, keys); });
        read_each(root);
        const size_t lists = mapping_.each.size();
        mapping_.customer_id = mapping_text_field(required(root, keys[0]), lists, false);
        mapping_.heart_rate = mapping_rate_field(required(root, keys[1]), lists);
        mapping_.event_timestamp = mapping_time_field(required(root, keys[2]), lists);
        if (const uint32_t index = value_member(*root.tree, root.index, "device_id"); index != no_value)
            mapping_.device_id = mapping_text_field({root.tree, index, "/device_id"}, lists, true);
        read_when(root);
        see_places();
    }

  private:
    static MappingValue required(const MappingValue &root, std::string_view key) {
        const std::string pointer = mapping_pointer("", key);
        const uint32_t index = value_member(*root.tree, root.index, key);
        if (index == no_value)
            mapping_refuse(pointer, "is missing",
                           "a place, such as \"/" + std::string(key) +
                               "\", or an object with \"at\" and options");
        return {root.tree, index, pointer};
    }

    void read_each(const MappingValue &root) {
        const std::string legal = "a place of an array or object, or a list of two places";
        const uint32_t index = value_member(*root.tree, root.index, "each");
        if (index == no_value)
            return;
        const MappingValue each = {root.tree, index, "/each"};
        if (each.type() != ValueType::array) {
            mapping_.each.push_back(place_parse(each.text(legal), {0, PlaceUse::each}, each.pointer));
            return;
        }
        if (each.node().size != 2)
            each.refuse("is a list of " + std::to_string(each.node().size), legal);
        each.for_each([&](const MappingValue &place) {
            const PlaceUse use = mapping_.each.empty() ? PlaceUse::each : PlaceUse::each_inner;
            mapping_.each.push_back(place_parse(place.text("a place"), {0, use}, place.pointer));
        });
    }

    void read_when(const MappingValue &root) {
        const uint32_t index = value_member(*root.tree, root.index, "when");
        if (index == no_value)
            return;
        const MappingValue when = {root.tree, index, "/when"};
        if (when.type() != ValueType::object)
            when.refuse_type("an object of places and the values that they must have");
        if (when.node().size > when_places_max)
            when.refuse("has " + std::to_string(when.node().size) + " places",
                        "at most " + std::to_string(when_places_max) + " places");
        when.for_each([&](const MappingValue &member) { read_condition(member); });
        // put the conditions on the value before the conditions on the key: the decoder then parses the key
        // only if all conditions on the value are true
        std::stable_partition(mapping_.when_message.begin(), mapping_.when_message.end(),
                              [](const Condition &c) { return c.place.root == PlaceRoot::value; });
    }

    void read_condition(const MappingValue &member) {
        Condition condition;
        condition.place =
            place_parse(member.node().name(), {mapping_.each.size(), PlaceUse::condition}, member.pointer);
        if (member.type() != ValueType::array) {
            add_value(&condition, member);
        } else {
            const size_t count = member.node().size;
            if (count == 0 || count > when_values_max)
                member.refuse("is a list of " + std::to_string(count) + " values",
                              "a value, or a list of 1 to " + std::to_string(when_values_max) + " values");
            member.for_each([&](const MappingValue &value) { add_value(&condition, value); });
        }
        list_of(condition.place)->push_back(std::move(condition));
    }

    // Adds a value to the condition. Refuses a value that can never be at the place of the condition.
    static void add_value(Condition *condition, const MappingValue &value) {
        const bool is_text = value.type() == ValueType::string, is_number = value.node().is_number();
        switch (value.type() == ValueType::null ? PlaceRoot::value : condition->place.root) {
        case PlaceRoot::key_text:
        case PlaceRoot::header:
            if (!is_text)
                value.refuse_type("a text: keys and headers are compared as text");
            break;
        case PlaceRoot::name:
            if (!is_text && !is_number)
                value.refuse_type("a text or a number: a name is compared with it");
            break;
        case PlaceRoot::kafka_timestamp:
            if (!is_number)
                value.refuse_type("a number: milliseconds since 1970");
            break;
        default:
            break;
        }
        condition->values.push_back(value.index);
    }

    std::vector<Condition> *list_of(const Place &place) {
        if (place.level == PlaceLevel::element)
            return &mapping_.when_element;
        if (place.level == PlaceLevel::outer)
            return &mapping_.when_outer;
        const bool needs_parser = place.root == PlaceRoot::value || place.root == PlaceRoot::key;
        return needs_parser ? &mapping_.when_message : &mapping_.when_envelope;
    }

    void see(const Place &place) {
        mapping_.reads_value = mapping_.reads_value || place.root == PlaceRoot::value;
        mapping_.reads_key = mapping_.reads_key || place.root == PlaceRoot::key;
        mapping_.reads_headers = mapping_.reads_headers || place.root == PlaceRoot::header;
    }

    // A part of a joined text can be the same for many list elements, for example the id of the person. A
    // slot keeps the value of this part, so that the decoder does not look for the value in each element.
    void give_slots(TextField *field) {
        for (Place &place : field->places)
            if (place.level < field->level)
                place.slot = mapping_.slots++;
    }

    void see_places() {
        for (TextField *field : {&mapping_.customer_id, &mapping_.device_id})
            give_slots(field);
        for (const auto *places : {&mapping_.each, &mapping_.customer_id.places, &mapping_.device_id.places})
            for (const Place &place : *places)
                see(place);
        see(mapping_.heart_rate.place);
        const TimeField &time = mapping_.event_timestamp;
        see(time.place);
        for (const auto *place : {&time.date, &time.plus})
            if (*place)
                see(**place);
        for (const auto *conditions : {&mapping_.when_envelope, &mapping_.when_message})
            for (const Condition &condition : *conditions)
                see(condition.place);
    }

    Mapping &mapping_;
};

void set_error(MappingError *error, const char *pointer, const char *problem, const char *legal) {
    utf8_copy(error->pointer, sizeof(error->pointer), pointer);
    utf8_copy(error->problem, sizeof(error->problem), problem);
    utf8_copy(error->legal, sizeof(error->legal), legal);
}

// With the formats avro and protobuf, the decoder needs a tree of all values that the mapping reads. This
// function refuses a giant tree for every format, because a person can later change the format.
void check_wanted(const Mapping &mapping) {
    try {
        for (const PlaceRoot root : {PlaceRoot::value, PlaceRoot::key})
            (void)wanted_values(mapping, root);
    } catch (const WantedTooMuch &) {
        mapping_refuse("/when", "has places with \"*\" that combine to too many places",
                       "fewer or shorter places with \"*\"");
    }
}

const Mapping *compile(std::string_view json, MappingError *error) {
    DecodeError fault;
    auto mapping = std::make_unique<Mapping>();
    if (json.size() > mapping_bytes_max)
        mapping_refuse("", "has " + std::to_string(json.size()) + " bytes",
                       "a mapping of at most " + std::to_string(mapping_bytes_max) + " bytes");
    if (!mapping->source.parse(json, "mapping", &fault, true)) {
        if (fault.code == DecodeErrorCode::out_of_memory)
            throw std::bad_alloc();
        mapping_refuse("", fault.text, legal_keys());
    }
    MappingCompiler(mapping.get()).compile();
    check_wanted(*mapping);
    error->out_of_memory = false;
    return mapping.release();
}

} // namespace

const Mapping *mapping_compile(std::string_view json, MappingError *error) noexcept {
    try {
        return compile(json, error);
    } catch (const MappingFault &fault) {
        error->out_of_memory = false;
        set_error(error, fault.pointer.c_str(), fault.problem.c_str(), fault.legal.c_str());
    } catch (...) {
        error->out_of_memory = true;
        set_error(error, "", "cannot be read: out of memory", "");
    }
    return nullptr;
}

bool mapping_reads_key(const Mapping &mapping) noexcept {
    return mapping.reads_key;
}

void mapping_destroy(const Mapping *mapping) noexcept {
    delete mapping;
}

} // namespace heartbeat
