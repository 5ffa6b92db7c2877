// Converts numbers of Avro's logical type decimal. The reader of Avro messages calls avro_decimal().
#pragma once

#include <cstdint>
#include <string_view>

namespace heartbeat {

// `bytes` are a signed integer in network order. Divides this integer by 10 to the power of `scale`, and sets
// *value to the nearest double. Returns false if the integer needs more than avro_decimal_bytes_max bytes.
bool avro_decimal(std::string_view bytes, uint32_t scale, double *value) noexcept;

} // namespace heartbeat
