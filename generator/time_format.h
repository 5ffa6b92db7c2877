// Generator, templates: writes a time in the format of a placeholder, such as ${time:ms} or
// ${time:YYYY-MM-DD HH:MM:SS}. placeholder.cpp makes a TimeFormat once for each placeholder, and
// message_template.cpp writes the times of each message with this TimeFormat.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

class TimeFormat {
  public:
    TimeFormat() : TimeFormat("iso") {}
    // `text` is a unit, iso, or a pattern. The units are s, ms, us and ns, also with a fraction such as
    // s.fff. If the format is wrong, throws std::invalid_argument. The text of this exception lists the legal
    // formats.
    explicit TimeFormat(std::string_view text);

    // Appends the time in this format. `time` is the number of microseconds since 1970-01-01 UTC. `time` must
    // not be negative.
    void append(int64_t time, std::string *out) const;

    // Returns true if append() writes a JSON number.
    bool is_number() const { return unit_ > 0; }
    // The number that append() writes is count(time) / per_unit(). If the count is too large for int64_t,
    // count() returns the largest int64_t.
    int64_t count(int64_t time) const;
    int64_t per_unit() const { return unit_ / resolution_; }
    // If two times differ by at least this number of microseconds, append() writes different texts for them.
    int64_t resolution() const { return resolution_; }
    // Returns true if the format writes a time of day without its date.
    bool is_time_of_day() const { return is_time_of_day_; }
    // The offset from UTC at the end of the pattern, in microseconds. Without an offset the times are UTC.
    int64_t zone() const { return zone_; }

  private:
    enum class Part { literal, year, month, day, hour, minute, second, fraction };
    struct Piece {
        Part part;
        size_t size;         // the number of digits of a fraction
        std::string literal; // the text of a `literal`
    };

    bool take_unit(std::string_view text);
    void take_pattern(std::string_view text);
    size_t take_part(std::string_view rest, bool after_hour);
    void add_piece(Piece piece, int64_t resolution);
    void append_number(int64_t time, std::string *out) const;

    int64_t unit_ = 0;  // in microseconds; 0: the format is a pattern
    size_t digits_ = 0; // the number of digits of a number's fraction
    bool nanoseconds_ = false;
    std::vector<Piece> pieces_;
    int64_t zone_ = 0;
    int64_t resolution_ = 0;
    bool is_time_of_day_ = false;
};

} // namespace heartbeat::generator
