// Reads the fields of one reading from a message under a mapping. The mapped decoder calls it for each
// element.
#pragma once

#include "decode/decode_error.h"
#include "decode/mapped_message.h"
#include "decode/text_store.h"

#include <string_view>

namespace heartbeat {

// A field with its name, for error texts.
struct NamedTextField {
    const TextField &field;
    const char *name;
    bool may_be_empty; // and may be missing
};

// Each returns false with *error filled in. The text is a piece of the message, of the mapping, or of `made`.
bool mapped_text(MappedMessage *message, const NamedTextField &named, TextStore *made, std::string_view *text,
                 DecodeError *error) noexcept;
bool mapped_heart_rate(const MappedMessage &message, const RateField &field, double *heart_rate,
                       DecodeError *error) noexcept;
// The instant of `at` and `date`, what `plus` adds to it, and the sum.
bool mapped_base_time(const MappedMessage &message, const TimeField &field, ZoneSpan *span,
                      int64_t *event_time, DecodeError *error) noexcept;
bool mapped_addition(const MappedMessage &message, const TimeField &field, int64_t *addition,
                     DecodeError *error) noexcept;
bool mapped_add(const MappedMessage &message, const TimeField &field, int64_t addition, int64_t *event_time,
                DecodeError *error) noexcept;

bool mapped_fail_missing(const MappedMessage &message, const Place &place, const char *name,
                         const char *expected, DecodeError *error) noexcept;

// How an error text names a place.
class PlaceText {
  public:
    PlaceText(const MappedMessage &message, const Place &place) noexcept {
        message.describe(place, text_, sizeof(text_));
    }
    operator const char *() const noexcept { return text_; }

  private:
    char text_[112];
};

} // namespace heartbeat
