// Goes through the lists of a message, tests the conditions, and makes a reading from each element.
#include "decode/mapped_decoder.h"

namespace heartbeat {

MappedDecoder::MappedDecoder(const Mapping &mapping, MappedMemory *memory, MessageParser *parser)
    : mapping_(mapping), message_(mapping), parser_(parser), memory_(memory) {}

void MappedDecoder::begin(const MessageView &message) noexcept {
    memory_->clear();
    view_ = &message;
    value_ = key_ = nullptr;
    needs_schema_ = false;
    known_ = {};
    message_.begin(&message, nullptr, nullptr);
}

DecodeResult MappedDecoder::decode(const MessageView &message, DecodeError *error) noexcept {
    begin(message);
    error_ = error;
    const DecodeResult result = decode_begun(message);
    return result == DecodeResult::failed && needs_schema_ ? DecodeResult::needs_schema : result;
}

DecodeResult MappedDecoder::decode_begun(const MessageView &message) noexcept {
    bool holds = true;
    // Test the conditions on the headers, the Kafka time and the text of the key before the decoder parses
    // the value. So a message that these conditions exclude can have any format.
    if (!test(mapping_.when_envelope, &holds))
        return DecodeResult::failed;
    if (!holds)
        return DecodeResult::ignored;
    if (!parse_value(message))
        return DecodeResult::failed;
    try {
        const DecodeResult result = decode_parsed();
        if (result != DecodeResult::decoded)
            memory_->readings.clear();
        return result;
    } catch (...) {
        memory_->readings.clear();
        decode_fail(error_, DecodeErrorCode::out_of_memory, "out of memory while collecting readings");
        return DecodeResult::failed;
    }
}

// Returns false if the parser fails or needs a schema.
bool MappedDecoder::parse(MessagePart part, const MessageBytes &bytes, const ValueTree **tree) {
    const MessageParser::Result result =
        parser_->parse(part, {static_cast<const char *>(bytes.data), bytes.size}, memory_, tree, error_);
    needs_schema_ = result == MessageParser::Result::needs_schema;
    return result == MessageParser::Result::parsed;
}

bool MappedDecoder::parse_value(const MessageView &message) {
    const MessageBytes &payload = message.payload;
    if (payload.data == nullptr)
        return decode_fail(error_, DecodeErrorCode::tombstone, "message has no payload; expected %s",
                           parser_->expected());
    if (!mapping_.reads_value)
        return true;
    if (payload.size == 0)
        return decode_fail(error_, DecodeErrorCode::empty, "payload has no bytes; expected %s",
                           parser_->expected());
    const ValueTree *parsed = nullptr;
    if (!parse(MessagePart::value, payload, &parsed))
        return false;
    value_ = parsed;
    message_.begin(view_, value_, nullptr);
    return true;
}

// If a message has no key, each place in the key is missing.
bool MappedDecoder::parse_key() {
    const MessageBytes &key = view_->key;
    if (key_ != nullptr || !mapping_.reads_key || key.data == nullptr)
        return true;
    const ValueTree *parsed = nullptr;
    if (!parse(MessagePart::key, key, &parsed))
        return false;
    key_ = parsed;
    message_.begin(view_, value_, key_);
    return true;
}

bool MappedDecoder::test(const std::vector<Condition> &conditions, bool *holds) {
    for (const Condition &condition : conditions) {
        if (condition.place.root == PlaceRoot::key && !parse_key())
            return false;
        if (!message_.holds(condition)) {
            *holds = false;
            return true;
        }
    }
    return true;
}

DecodeResult MappedDecoder::decode_parsed() {
    bool holds = true;
    if (!test(mapping_.when_message, &holds))
        return DecodeResult::failed;
    if (!holds)
        return DecodeResult::ignored;
    if (!parse_key())
        return DecodeResult::failed;
    if (mapping_.each.empty())
        return take_reading() ? DecodeResult::decoded : DecodeResult::failed;
    uint32_t list = 0;
    if (!find_list(0, &list))
        return DecodeResult::failed;
    switch (take_list(0, list)) {
    case ListResult::taken:
        return DecodeResult::decoded;
    case ListResult::ignored:
        return DecodeResult::ignored;
    case ListResult::failed:
        break;
    }
    return DecodeResult::failed;
}

bool MappedDecoder::find_list(size_t list, uint32_t *index) {
    constexpr char name[] = "each", expected[] = "an array or an object";
    const Place &place = mapping_.each[list];
    const ValueTree &tree = *value_;
    *index = message_.find_index(place);
    if (*index == no_value || tree[*index].type == ValueType::null)
        return mapped_fail_missing(message_, place, name, expected, error_);
    if (tree[*index].is_container())
        return true;
    return decode_fail(error_, DecodeErrorCode::wrong_type, "%s at %s is %s; expected %s", name,
                       static_cast<const char *>(PlaceText(message_, place)),
                       value_type_name(tree[*index].type), expected);
}

MappedDecoder::ListResult MappedDecoder::take_list(size_t list, uint32_t index) {
    const ValueTree &tree = *value_;
    const bool is_inner = list + 1 == mapping_.each.size();
    ListPosition &position = is_inner ? message_.element : message_.outer;
    const std::vector<Condition> &conditions = is_inner ? mapping_.when_element : mapping_.when_outer;
    bool all_ignored = tree[index].size > 0;
    position = {index + 1, 0, tree[index].type == ValueType::object};
    for (; position.index != tree[index].end; position.index = tree[position.index].end, position.number++) {
        bool holds = true;
        if (!test(conditions, &holds))
            return ListResult::failed;
        if (!holds)
            continue;
        const ListResult result = take_child(list);
        if (result == ListResult::failed)
            return ListResult::failed;
        all_ignored = all_ignored && result == ListResult::ignored;
    }
    return all_ignored ? ListResult::ignored : ListResult::taken;
}

MappedDecoder::ListResult MappedDecoder::take_child(size_t list) {
    if (list + 1 == mapping_.each.size())
        return take_reading() ? ListResult::taken : ListResult::failed;
    forget_outer();
    uint32_t inner = 0;
    if (!find_list(list + 1, &inner))
        return ListResult::failed;
    return take_list(list + 1, inner);
}

bool MappedDecoder::fail_readings() {
    return decode_fail(error_, DecodeErrorCode::wrong_type,
                       "message has more than %zu readings; expected at most %zu", message_readings_max,
                       message_readings_max);
}

// Forgets the values that can differ between two elements of the outer list.
void MappedDecoder::forget_outer() noexcept {
    const auto stays = [](PlaceLevel level) { return level == PlaceLevel::message; };
    const TimeField &time = mapping_.event_timestamp;
    message_.forget(PlaceLevel::outer);
    known_.customer_id = known_.customer_id && stays(mapping_.customer_id.level);
    known_.device_id = known_.device_id && stays(mapping_.device_id.level);
    known_.heart_rate = known_.heart_rate && stays(mapping_.heart_rate.place.level);
    known_.base_time = known_.base_time && stays(time.level);
    known_.addition = known_.addition && time.plus && stays(time.plus->level);
}

bool MappedDecoder::take_time() {
    const TimeField &field = mapping_.event_timestamp;
    if (!known_.base_time && !mapped_base_time(message_, field, &span_, &base_time_, error_))
        return false;
    known_.base_time = field.level != PlaceLevel::element;
    current_.event_time = base_time_;
    if (!field.plus)
        return true;
    if (!known_.addition && !mapped_addition(message_, field, &addition_, error_))
        return false;
    known_.addition = field.plus->level != PlaceLevel::element;
    return mapped_add(message_, field, addition_, &current_.event_time, error_);
}

bool MappedDecoder::take_reading() {
    if (memory_->readings.size() == message_readings_max)
        return fail_readings();
    const Mapping &mapping = mapping_;
    if (!known_.customer_id && !mapped_text(&message_, {mapping.customer_id, "customer_id", false},
                                            &memory_->made, &current_.customer_id, error_))
        return false;
    known_.customer_id = mapping.customer_id.level != PlaceLevel::element;
    if (!known_.heart_rate && !mapped_heart_rate(message_, mapping.heart_rate, &current_.heart_rate, error_))
        return false;
    known_.heart_rate = mapping.heart_rate.place.level != PlaceLevel::element;
    if (!take_time())
        return false;
    if (!known_.device_id && !mapping.device_id.places.empty() &&
        !mapped_text(&message_, {mapping.device_id, "device_id", true}, &memory_->made, &current_.device_id,
                     error_))
        return false;
    known_.device_id = mapping.device_id.level != PlaceLevel::element;
    memory_->readings.push_back(current_);
    return true;
}

} // namespace heartbeat
