// Generator, templates: checks an object with $repeat. From this object, the generator writes an array, or an
// object with many members.
#include "template_repeat.h"

#include <string_view>

namespace heartbeat::generator {

bool is_repeat(json_t *object) {
    return json_object_get(object, repeat_member) != nullptr ||
           json_object_get(object, each_member) != nullptr || json_object_get(object, name_member) != nullptr;
}

std::optional<RepeatMistake> repeat_check(json_t *object) {
    const json_t *count = json_object_get(object, repeat_member);
    if (count == nullptr)
        return RepeatMistake{"", "$repeat is missing. It is the number of elements, as in {\"$repeat\": 60, "
                                 "\"$each\": \"${heart_rate}\"}"};
    if (!json_is_integer(count) || json_integer_value(count) < 1 ||
        json_integer_value(count) > static_cast<json_int_t>(most_samples))
        return RepeatMistake{repeat_member,
                             "$repeat must be the number of elements: a whole number from 1 to " +
                                 std::to_string(most_samples)};
    if (json_object_get(object, each_member) == nullptr)
        return RepeatMistake{"", "$each is missing. It is the layout of an element"};
    const json_t *name = json_object_get(object, name_member);
    if (name != nullptr && !json_is_string(name))
        return RepeatMistake{name_member,
                             "$name must be a text: the name of each member, as in \"${offset:s}\""};
    const char *member = nullptr;
    json_t *value = nullptr;
    json_object_foreach(object, member, value) {
        const std::string_view known = member;
        if (known != repeat_member && known != each_member && known != name_member)
            return RepeatMistake{member,
                                 "an object with $repeat has only the members $repeat, $each (the layout of "
                                 "an element) and $name (which makes an object instead of an array)"};
    }
    return std::nullopt;
}

} // namespace heartbeat::generator
