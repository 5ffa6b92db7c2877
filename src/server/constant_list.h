// A list whose length the compiler counts, so that no programmer has to count. A Statement or an OwnFunction
// keeps its parameter types in such a list.
#pragma once

#include <cstddef>
#include <type_traits>

namespace heartbeat {

template <typename Element, size_t max> struct ConstantList {
    template <typename... From>
    requires(sizeof...(From) <= max &&
             (std::is_convertible_v<From, Element> && ...)) consteval ConstantList(From... from)
        : elements{static_cast<Element>(from)...}, count{static_cast<int>(sizeof...(from))} {}

    Element elements[max];
    int count;
};

} // namespace heartbeat
