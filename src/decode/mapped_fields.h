// Reads the fields of one reading from a message. The mapping describes the fields. The mapped decoder calls
// these functions.
#pragma once

#include "decode/decode_error.h"
#include "decode/mapped_message.h"
#include "decode/text_store.h"

#include <string_view>

namespace heartbeat {

// A field, and the name of the field in error texts.
struct NamedTextField {
    const TextField &field;
    const char *name;
    bool may_be_empty; // the field may be empty or missing
};

// After an error, each of these functions fills in *error and returns false. *text points to bytes of the
// message, of the mapping, or of `made`.
bool mapped_text(MappedMessage *message, const NamedTextField &named, TextStore *made, std::string_view *text,
                 DecodeError *error) noexcept;
bool mapped_heart_rate(const MappedMessage &message, const RateField &field, double *heart_rate,
                       DecodeError *error) noexcept;
// `at`, `date` and `plus` are options of event_timestamp in a mapping. mapped_base_time() reads the time at
// the places `at` and `date`. mapped_addition() reads the number at the place `plus`, and mapped_add() adds
// this number to the time.
bool mapped_base_time(const MappedMessage &message, const TimeField &field, ZoneSpan *span,
                      int64_t *event_time, DecodeError *error) noexcept;
bool mapped_addition(const MappedMessage &message, const TimeField &field, int64_t *addition,
                     DecodeError *error) noexcept;
bool mapped_add(const MappedMessage &message, const TimeField &field, int64_t addition, int64_t *event_time,
                DecodeError *error) noexcept;

bool mapped_fail_missing(const MappedMessage &message, const Place &place, const char *name,
                         const char *expected, DecodeError *error) noexcept;

// The name of a place in an error text.
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
