// Converts numbers of Avro's logical type decimal. The reader of Avro messages calls avro_decimal().
#pragma once

#include <cstdint>
#include <string_view>

namespace heartbeat {

// `bytes` are a signed integer in network order. Sets *value to the double that is nearest to this integer
// divided by 10 to the power of `scale`. Returns false if the integer needs more than avro_decimal_bytes_max
// bytes.
bool avro_decimal(std::string_view bytes, uint32_t scale, double *value) noexcept;

} // namespace heartbeat
