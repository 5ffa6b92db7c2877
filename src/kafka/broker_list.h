// Checks whether a list of bootstrap servers is legal. The extension and the generator call it, so it
// includes neither librdkafka nor the rest of src/kafka.
#pragma once

#include <cstddef>

namespace heartbeat {

inline constexpr const char *broker_list_legal =
    "host:port, or several addresses separated by commas, such as kafka-1:9092,kafka-2:9092. The port is 1 "
    "to 65535, and 9092 if you leave it out. Write an IPv6 address with a port in brackets, such as "
    "[::1]:9092.";

// False if librdkafka could not connect to each address of the list. `reason` then has one sentence of ASCII
// that names the wrong address. librdkafka itself ignores a wrong address, or connects to another one. An
// empty list is not legal either.
bool broker_list_check(const char *list, char *reason, size_t size) noexcept;

} // namespace heartbeat
