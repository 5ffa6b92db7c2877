// Checks whether a list of bootstrap servers is legal. The extension and the generator call this file. The
// generator uses no other file of src/kafka, so this header does not include other headers of src/kafka.
#pragma once

#include <cstddef>

namespace heartbeat {

inline constexpr const char *broker_list_legal =
    "host:port, or several addresses separated by commas, such as kafka-1:9092,kafka-2:9092. The port is 1 "
    "to 65535, and 9092 if you leave it out. Write an IPv6 address with a port in brackets, such as "
    "[::1]:9092.";

// Returns false if an address is wrong, or if the list is empty. `reason` is then one ASCII sentence about
// the fault, with the wrong address if there is one. Without this check librdkafka would ignore a wrong
// address, or connect to another address.
bool broker_list_check(const char *list, char *reason, size_t size) noexcept;

} // namespace heartbeat
