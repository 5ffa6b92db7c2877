// Reads and writes event timestamps with calendar arithmetic only. This file uses no locale, no time zone
// database and no global state. So a text has the same result on every machine.
#include "decode/timestamp.h"

#include "decode/text_cursor.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

namespace heartbeat {

namespace {

constexpr int max_offset_hours = 15;
constexpr int leap_second = 60;

struct Cursor : TextCursor {
    using TextCursor::take_digits;

    bool take_digits(int count, int *value) noexcept {
        if (end - at < count)
            return false;
        int sum = 0;
        for (int i = 0; i < count; ++i) {
            if (!is_digit(at[i]))
                return false;
            sum = sum * 10 + (at[i] - '0');
        }
        at += count;
        *value = sum;
        return true;
    }
};

// Returns the microseconds of a fraction of a second. Returns 1'000'000 if the fraction rounds up to a whole
// second.
int64_t fraction_microseconds(const char *digits, size_t count) noexcept {
    constexpr size_t exact_digits = 6;
    if (count <= exact_digits) {
        int64_t microseconds = 0;
        for (size_t i = 0; i < exact_digits; ++i)
            microseconds = microseconds * 10 + (i < count ? digits[i] - '0' : 0);
        return microseconds;
    }

    // Like PostgreSQL, read the fraction as a double, multiply the double by a million, and round half to
    // even. For many fractions of seven digits that end in 5, exact decimal arithmetic would give another
    // time than PostgreSQL. The digits after the 40th digit cannot change the result.
    constexpr size_t noticed_digits = 40;
    char decimal[2 + noticed_digits] = {'0', '.'};
    const size_t noticed = std::min(count, noticed_digits);
    std::memcpy(decimal + 2, digits, noticed);
    double fraction = 0;
    std::from_chars(decimal, decimal + 2 + noticed, fraction);
    return static_cast<int64_t>(std::rint(fraction * microseconds_per_second));
}

// Takes the separator between two numbers. '\0' means that there is no separator.
template <char separator> bool take_separator(Cursor *cursor) noexcept {
    return separator == '\0' || cursor->take(separator);
}

template <char separator> bool read_date(Cursor *cursor, std::chrono::sys_days *date) noexcept {
    int year = 0;
    int month = 0;
    int day = 0;
    if (!cursor->take_digits(4, &year) || !take_separator<separator>(cursor) ||
        !cursor->take_digits(2, &month) || !take_separator<separator>(cursor) ||
        !cursor->take_digits(2, &day))
        return false;
    const std::chrono::year_month_day civil{std::chrono::year{year},
                                            std::chrono::month{static_cast<unsigned>(month)},
                                            std::chrono::day{static_cast<unsigned>(day)}};
    if (!civil.ok())
        return false;
    *date = civil;
    return true;
}

// *time_of_day is in microseconds. *time_of_day can be the start of the next day: after a leap second, or
// after a fraction that rounds up to a second.
template <char separator> bool read_time(Cursor *cursor, int64_t *time_of_day) noexcept {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!cursor->take_digits(2, &hour) || !take_separator<separator>(cursor) ||
        !cursor->take_digits(2, &minute) || !take_separator<separator>(cursor) ||
        !cursor->take_digits(2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > leap_second)
        return false;

    int64_t fraction = 0;
    if (cursor->take('.') || cursor->take(',')) {
        const char *digits = cursor->at;
        if (!cursor->take_digits() || second == leap_second)
            return false;
        fraction = fraction_microseconds(digits, static_cast<size_t>(cursor->at - digits));
    }
    *time_of_day = (hour * 3600 + minute * 60 + second) * microseconds_per_second + fraction;
    return true;
}

// *offset is the number of seconds by which local time is ahead of UTC. A text without a zone is in UTC.
bool read_zone(Cursor *cursor, int *offset) noexcept {
    *offset = 0;
    if (cursor->at_end() || cursor->take('Z') || cursor->take('z'))
        return true;
    const bool ahead = cursor->take('+');
    if (!ahead && !cursor->take('-'))
        return false;

    int hours = 0;
    int minutes = 0;
    if (!cursor->take_digits(2, &hours))
        return false;
    if (!cursor->at_end()) {
        cursor->take(':');
        if (!cursor->take_digits(2, &minutes))
            return false;
    }
    if (hours > max_offset_hours || minutes > 59)
        return false;
    *offset = (hours * 3600 + minutes * 60) * (ahead ? 1 : -1);
    return true;
}

int64_t microseconds_of(std::chrono::sys_days date) noexcept {
    const std::chrono::microseconds midnight = date.time_since_epoch();
    return midnight.count();
}

// Reads a time of day and an optional zone, up to the end of the text.
template <char separator> bool read_time_of_day(Cursor *cursor, TimestampParts *parts) noexcept {
    if (!read_time<separator>(cursor, &parts->local_time))
        return false;
    cursor->take(' ');
    if (cursor->at_end() && cursor->at[-1] == ' ')
        return false;
    parts->has_zone = !cursor->at_end();
    return read_zone(cursor, &parts->offset_seconds) && cursor->at_end();
}

char *put_digits(char *text, unsigned value, int count) noexcept {
    for (int i = count - 1; i >= 0; --i) {
        text[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return text + count;
}

} // namespace

bool timestamp_parse(std::string_view text, int64_t *event_time) noexcept {
    Cursor cursor{{text.data(), text.data() + text.size()}};
    std::chrono::sys_days date;
    int64_t time_of_day = 0;
    int offset = 0;
    if (!read_date<'-'>(&cursor, &date))
        return false;
    if (!cursor.take('T') && !cursor.take('t') && !cursor.take(' '))
        return false;
    if (!read_time<':'>(&cursor, &time_of_day) || !read_zone(&cursor, &offset) || !cursor.at_end())
        return false;

    *event_time = microseconds_of(date) + time_of_day - offset * microseconds_per_second;
    return true;
}

bool timestamp_parse_parts(std::string_view text, TimestampParts *parts) noexcept {
    constexpr size_t digits_of_day = 8;
    Cursor cursor{{text.data(), text.data() + text.size()}};
    std::chrono::sys_days date;
    if (text.size() > digits_of_day && is_digit(text[4])) {
        if (!read_date<'\0'>(&cursor, &date) || !read_time_of_day<'\0'>(&cursor, parts))
            return false;
    } else {
        if (!read_date<'-'>(&cursor, &date))
            return false;
        if (!cursor.take('T') && !cursor.take('t') && !cursor.take(' '))
            return false;
        if (!read_time_of_day<':'>(&cursor, parts))
            return false;
    }
    parts->local_time += microseconds_of(date);
    return true;
}

bool timestamp_parse_date(std::string_view text, int64_t *midnight) noexcept {
    Cursor cursor{{text.data(), text.data() + text.size()}};
    std::chrono::sys_days date;
    const bool separated = text.size() > 4 && text[4] == '-';
    if (!(separated ? read_date<'-'>(&cursor, &date) : read_date<'\0'>(&cursor, &date)) || !cursor.at_end())
        return false;
    *midnight = microseconds_of(date);
    return true;
}

bool timestamp_parse_time_of_day(std::string_view text, TimestampParts *parts) noexcept {
    Cursor cursor{{text.data(), text.data() + text.size()}};
    return read_time_of_day<':'>(&cursor, parts);
}

bool timestamp_parse_offset(std::string_view text, int *offset_seconds) noexcept {
    Cursor cursor{{text.data(), text.data() + text.size()}};
    return !text.empty() && read_zone(&cursor, offset_seconds) && cursor.at_end();
}

void timestamp_format(int64_t event_time, char *text) noexcept {
    using std::chrono::microseconds;
    const std::chrono::sys_time<microseconds> instant{microseconds{event_time}};
    const auto date = std::chrono::floor<std::chrono::days>(instant);
    const std::chrono::year_month_day civil{date};
    const int64_t time_of_day = (instant - date).count();
    const auto second_of_day = static_cast<unsigned>(time_of_day / microseconds_per_second);

    text = put_digits(text, static_cast<unsigned>(static_cast<int>(civil.year())), 4);
    *text++ = '-';
    text = put_digits(text, static_cast<unsigned>(civil.month()), 2);
    *text++ = '-';
    text = put_digits(text, static_cast<unsigned>(civil.day()), 2);
    *text++ = 'T';
    text = put_digits(text, second_of_day / 3600, 2);
    *text++ = ':';
    text = put_digits(text, second_of_day / 60 % 60, 2);
    *text++ = ':';
    text = put_digits(text, second_of_day % 60, 2);
    *text++ = '.';
    text = put_digits(text, static_cast<unsigned>(time_of_day % microseconds_per_second), 6);
    *text = 'Z';
}

} // namespace heartbeat
