// Searches a plan: finds a field by its number, the name of an enum's value by its number, and an element by
// number or name.
#include "decode/protobuf_plan.h"

#include <algorithm>

namespace heartbeat {

const ProtobufPlanField *ProtobufPlanMessage::find_sparse(uint32_t number) const noexcept {
    const auto found =
        std::lower_bound(sparse.begin(), sparse.end(), std::pair<uint32_t, uint32_t>(number, 0));
    return found == sparse.end() || found->first != number ? nullptr : &fields[found->second];
}

std::string_view ProtobufPlanEnum::name(int32_t number) const noexcept {
    const auto found =
        std::lower_bound(values.begin(), values.end(), number,
                         [](const auto &value, int32_t wanted) { return value.first < wanted; });
    return found == values.end() || found->first != number ? std::string_view() : found->second;
}

bool ProtobufElements::find(uint32_t number, uint32_t *message) const noexcept {
    const auto found =
        std::lower_bound(elements.begin(), elements.end(), number,
                         [](const Element &element, uint32_t wanted) { return element.number < wanted; });
    const bool is_named = found != elements.end() && found->number == number;
    *message = is_named ? found->message : others;
    return is_named || takes_others;
}

bool ProtobufElements::find(std::string_view name, uint32_t *message) const noexcept {
    const auto found = std::lower_bound(
        elements.begin(), elements.end(), name,
        [](const Element &element, std::string_view wanted) { return element.name < wanted; });
    const bool is_named = found != elements.end() && found->name == name;
    *message = is_named ? found->message : others;
    return is_named || takes_others;
}

} // namespace heartbeat
