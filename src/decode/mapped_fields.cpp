// Reads customer_id, device_id and heart_rate. mapped_time.cpp reads event_timestamp.
#include "decode/mapped_fields.h"

#include "decode/field_values.h"
#include "decode/mapping_limits.h"
#include "decode/reading.h"
#include "decode/utf8_text.h"

#include <charconv>
#include <cstring>

namespace heartbeat {

namespace {

using Lookup = MappedMessage::Lookup;

constexpr char expected_text[] = "a non-empty string or an integer";
constexpr char expected_optional_text[] = "a string or an integer";
constexpr size_t digits_max = 24;

const char *expected(const NamedTextField &named) {
    return named.may_be_empty ? expected_optional_text : expected_text;
}

bool fail_type(const MappedMessage &message, const NamedTextField &named, const Place &place,
               const ValueNode &found, DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::wrong_type, "%s at %s is %s; expected %s", named.name,
                       static_cast<const char *>(PlaceText(message, place)), value_type_name(found.type),
                       expected(named));
}

bool fail_encoding(const MappedMessage &message, const char *name, const Place &place, DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::wrong_type,
                       "%s at %s is not UTF-8 text without U+0000; expected a text", name,
                       static_cast<const char *>(PlaceText(message, place)));
}

bool fail_store(const TextStore &made, DecodeError *error) {
    if (!made.full())
        return decode_fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading fields");
    return decode_fail(error, DecodeErrorCode::wrong_type,
                       "message makes more than %zu bytes of customer ids and device ids; expected fewer",
                       message_made_bytes_max);
}

// Sets *text to the text of a value. For an integer, the function writes the digits into `digits`, and sets
// *text to these digits. Returns false for a value of another type.
bool text_of(const ValueNode &found, char *digits, std::string_view *text) {
    std::to_chars_result end{};
    if (found.type == ValueType::string) {
        *text = found.text();
        return true;
    }
    if (found.type == ValueType::integer)
        end = std::to_chars(digits, digits + digits_max, found.integer);
    else if (found.type == ValueType::unsigned_integer)
        end = std::to_chars(digits, digits + digits_max, found.unsigned_integer);
    else
        return false;
    *text = {digits, static_cast<size_t>(end.ptr - digits)};
    return true;
}

bool check_text(const MappedMessage &message, const NamedTextField &named, std::string_view *text,
                DecodeError *error) {
    const std::string &strip = named.field.strip;
    if (!strip.empty() && text->substr(0, strip.size()) == strip)
        text->remove_prefix(strip.size());
    const Place &place = named.field.places[0];
    if (text->empty() && !named.may_be_empty)
        return decode_fail(error, DecodeErrorCode::customer_id_empty,
                           "%s at %s is an empty string; expected %s", named.name,
                           static_cast<const char *>(PlaceText(message, place)), expected(named));
    if (text->size() <= customer_id_max_characters)
        return true;
    if (text->size() <= customer_id_max_bytes &&
        utf8_count(text->data(), text->size()) <= customer_id_max_characters)
        return true;
    return decode_fail(
        error, named.may_be_empty ? DecodeErrorCode::wrong_type : DecodeErrorCode::customer_id_too_long,
        "%s at %s is a string of %zu characters; expected at most %zu", named.name,
        static_cast<const char *>(PlaceText(message, place)), utf8_count(text->data(), text->size()),
        customer_id_max_characters);
}

bool take_fallback(const MappedMessage &message, const NamedTextField &named, const Place &missing,
                   std::string_view *text, DecodeError *error) {
    if (named.field.fallback)
        *text = *named.field.fallback;
    else if (named.may_be_empty)
        *text = {};
    else
        return mapped_fail_missing(message, missing, named.name, expected_text, error);
    return check_text(message, named, text, error);
}

bool single_text(MappedMessage *message, const NamedTextField &named, TextStore *made, std::string_view *text,
                 DecodeError *error) {
    const Place &place = named.field.places[0];
    ValueNode found;
    const Lookup lookup = message->find(place, &found);
    if (lookup == Lookup::missing)
        return take_fallback(*message, named, place, text, error);
    if (lookup == Lookup::not_text)
        return fail_encoding(*message, named.name, place, error);
    char digits[digits_max];
    if (!text_of(found, digits, text))
        return fail_type(*message, named, place, found, error);
    if (found.type != ValueType::string) {
        char *const room = made->room(text->size());
        if (room == nullptr)
            return fail_store(*made, error);
        std::memcpy(room, digits, text->size());
        made->take(text->size());
        *text = {room, text->size()};
    }
    return check_text(*message, named, text, error);
}

// Joins the parts of a text. A slash separates two parts.
class Joiner {
  public:
    Joiner(char *room, size_t size) : begin_(room), at_(room), end_(room + size) {}

    bool add(std::string_view part, bool first) {
        const size_t slash = first ? 0 : 1;
        if (static_cast<size_t>(end_ - at_) < part.size() + slash)
            return false;
        if (!first)
            *at_++ = '/';
        if (!part.empty())
            std::memcpy(at_, part.data(), part.size());
        at_ += part.size();
        return true;
    }
    std::string_view text() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

  private:
    char *const begin_, *at_, *const end_;
};

// If a part of customer_id is missing, the whole field is missing. A device_id with a default follows the
// same rule. In a device_id without a default, a missing part is an empty text: "a//c". If all its parts are
// missing, such a device_id is empty.
bool joined_text(MappedMessage *message, const NamedTextField &named, TextStore *made, std::string_view *text,
                 DecodeError *error) {
    const size_t room_size = customer_id_max_bytes + named.field.strip.size();
    char *const room = made->room(room_size);
    if (room == nullptr)
        return fail_store(*made, error);
    Joiner joiner(room, room_size);
    size_t missing = 0;
    for (const Place &place : named.field.places) {
        ValueNode found;
        char digits[digits_max];
        std::string_view part;
        const Lookup lookup = message->find(place, &found);
        if (lookup == Lookup::not_text)
            return fail_encoding(*message, named.name, place, error);
        if (lookup == Lookup::missing) {
            missing++;
            if (named.field.fallback || !named.may_be_empty)
                return take_fallback(*message, named, place, text, error);
        } else if (!text_of(found, digits, &part)) {
            return fail_type(*message, named, place, found, error);
        } else if (part.empty() && !named.may_be_empty) {
            return decode_fail(error, DecodeErrorCode::customer_id_empty,
                               "%s at %s is an empty string; expected %s", named.name,
                               static_cast<const char *>(PlaceText(*message, place)), expected(named));
        }
        if (!joiner.add(part, &place == named.field.places.data()))
            return decode_fail(
                error,
                named.may_be_empty ? DecodeErrorCode::wrong_type : DecodeErrorCode::customer_id_too_long,
                "%s is too long with the part at %s; expected at most %zu characters", named.name,
                static_cast<const char *>(PlaceText(*message, place)), customer_id_max_characters);
    }
    *text = missing == named.field.places.size() ? std::string_view{} : joiner.text();
    made->take(text->size());
    return check_text(*message, named, text, error);
}

} // namespace

bool mapped_fail_missing(const MappedMessage &message, const Place &place, const char *name,
                         const char *expected, DecodeError *error) noexcept {
    if (message.payload_is_wrong(place))
        return decode_fail(error, DecodeErrorCode::not_an_object, "payload is %s; expected an object",
                           value_type_name(message.value()[0].type));
    return decode_fail(error, DecodeErrorCode::missing_field, "%s is missing at %s; expected %s", name,
                       static_cast<const char *>(PlaceText(message, place)), expected);
}

bool mapped_text(MappedMessage *message, const NamedTextField &named, TextStore *made, std::string_view *text,
                 DecodeError *error) noexcept {
    return named.field.places.size() == 1 ? single_text(message, named, made, text, error)
                                          : joined_text(message, named, made, text, error);
}

} // namespace heartbeat
