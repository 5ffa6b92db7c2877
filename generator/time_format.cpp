// Generator, templates: writes a time in the format that a placeholder names.
#include "time_format.h"

#include "decode/timestamp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace heartbeat::generator {

namespace {

constexpr int64_t second_us = microseconds_per_second;
constexpr int64_t minute_us = 60 * second_us;
constexpr int64_t hour_us = 60 * minute_us;
constexpr int64_t day_us = 24 * hour_us;
constexpr size_t most_fraction_digits = 9;
constexpr std::string_view digits = "0123456789";
constexpr std::string_view separators = "-:/., _T";

constexpr char legal[] =
    "Legal formats are iso, iso+02:00, the units s, ms, us and ns, fractions of a unit such as s.fff or "
    "ms.fff, and patterns of YYYY, MM, DD, HH, MM (after HH: minutes), SS, f (a digit of the fraction), "
    "separators, T, and at the end Z or an offset such as +02:00";

[[noreturn]] void refuse(std::string_view text, const std::string &reason) {
    throw std::invalid_argument("\"" + std::string(text) + "\" is not a time format: " + reason + ". " +
                                legal);
}

constexpr int64_t power_of_ten(size_t exponent) {
    int64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

bool is_digit(char c) {
    return digits.find(c) != std::string_view::npos;
}

// Returns the size of the offset at the end of a pattern, such as +02:00 or +0200. Returns 0 if the pattern
// has no offset.
size_t zone_size(std::string_view text) {
    for (const std::string_view form : {"+00:00", "+0000"}) {
        if (text.size() < form.size())
            continue;
        const std::string_view end = text.substr(text.size() - form.size());
        const bool fits = std::equal(end.begin(), end.end(), form.begin(), [](char c, char wanted) {
            return wanted == '+' ? c == '+' || c == '-' : wanted == '0' ? is_digit(c) : c == wanted;
        });
        if (fits)
            return form.size();
    }
    return 0;
}

// Converts an offset such as +02:00 to microseconds. The text of an error names `format`.
int64_t zone_of(std::string_view format, std::string_view text) {
    std::string number(text.substr(1));
    std::erase(number, ':');
    int value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    if (value / 100 > 15 || value % 100 > 59)
        refuse(format, "an offset is at most 15:59");
    const int64_t zone = value / 100 * hour_us + value % 100 * minute_us;
    return text.front() == '-' ? -zone : zone;
}

// Writes at least `width` digits.
void append_padded(int64_t value, size_t width, std::string *out) {
    std::array<char, 24> text;
    const char *end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    const auto size = static_cast<size_t>(end - text.data());
    out->append(width > size ? width - size : 0, '0');
    out->append(text.data(), size);
}

// Writes `width` digits of the fraction rest/unit. Times are in microseconds, so each digit after the sixth
// is 0.
void append_fraction(int64_t rest, int64_t unit, size_t width, std::string *out) {
    const int64_t shown = power_of_ten(std::min<size_t>(width, 6));
    append_padded(rest * shown / unit, std::min<size_t>(width, 6), out);
    out->append(width - std::min<size_t>(width, 6), '0');
}

} // namespace

TimeFormat::TimeFormat(std::string_view text) {
    if (text.starts_with("iso")) {
        const std::string_view zone = text.substr(3);
        if (!zone.empty() && zone_size(zone) != zone.size())
            refuse(text, "only an offset such as +02:00 can follow iso");
        if (!zone.empty())
            zone_of(text, zone); // check the offset: an error must name `text`, not the pattern below
        take_pattern("YYYY-MM-DDTHH:MM:SS.ffffff" + (zone.empty() ? "Z" : std::string(zone)));
    } else if (!take_unit(text)) {
        take_pattern(text);
    }
}

bool TimeFormat::take_unit(std::string_view text) {
    struct Unit {
        std::string_view name;
        int64_t us;
        size_t most_digits;
    };
    static constexpr std::array<Unit, 4> units{
        {{"s", second_us, 6}, {"ms", 1000, 3}, {"us", 1, 0}, {"ns", 1, 0}}};
    const size_t dot = text.find('.');
    const std::string_view fraction = dot == std::string_view::npos ? "" : text.substr(dot + 1);
    const auto *unit = std::find_if(units.begin(), units.end(),
                                    [&](const Unit &u) { return u.name == text.substr(0, dot); });
    if (unit == units.end())
        return false;
    if (dot != std::string_view::npos &&
        (fraction.empty() || fraction.find_first_not_of('f') != std::string_view::npos))
        refuse(text, "only letters f can follow the dot, one for each digit");
    if (fraction.size() > unit->most_digits)
        refuse(text, "times have microseconds, so a fraction of this unit has at most " +
                         std::to_string(unit->most_digits) + " digits");
    unit_ = unit->us;
    digits_ = fraction.size();
    nanoseconds_ = unit->name == "ns";
    resolution_ = unit_ / power_of_ten(digits_);
    return true;
}

void TimeFormat::take_pattern(std::string_view text) {
    const size_t zone_at = text.size() - zone_size(text);
    if (zone_at < text.size())
        zone_ = zone_of(text, text.substr(zone_at));
    bool has_year = false;
    bool after_hour = false; // if true, MM means the minute
    for (std::string_view rest = text.substr(0, zone_at); !rest.empty();) {
        const size_t size = take_part(rest, after_hour);
        if (size == 0)
            refuse(text, "no part of a time begins at \"" + std::string(rest) + "\"");
        rest.remove_prefix(size);
        has_year |= pieces_.back().part == Part::year;
        after_hour |= pieces_.back().part == Part::hour;
    }
    pieces_.push_back({Part::literal, 0, std::string(text.substr(zone_at))});
    if (resolution_ == 0)
        refuse(text, "the format has no part of a time");
    is_time_of_day_ = !has_year;
}

// `rest` is the rest of the pattern. Adds the part at its beginning, such as YYYY, and returns the number of
// characters of this part. Returns 0 if no part begins there.
size_t TimeFormat::take_part(std::string_view rest, bool after_hour) {
    struct Form {
        std::string_view letters;
        Part part;
        int64_t resolution;
    };
    const std::array<Form, 5> forms{
        {{"YYYY", Part::year, day_us},
         {"MM", after_hour ? Part::minute : Part::month, after_hour ? minute_us : day_us},
         {"DD", Part::day, day_us},
         {"HH", Part::hour, hour_us},
         {"SS", Part::second, second_us}}};
    if (separators.find(rest.front()) != std::string_view::npos || rest == "Z") {
        pieces_.push_back({Part::literal, 0, std::string(1, rest.front())});
        return 1;
    }
    for (const Form &form : forms) {
        if (rest.starts_with(form.letters)) {
            add_piece({form.part, form.letters.size(), {}}, form.resolution);
            return form.letters.size();
        }
    }
    const size_t size = std::min(rest.find_first_not_of('f'), rest.size());
    if (size > most_fraction_digits)
        return 0;
    if (size > 0)
        add_piece({Part::fraction, size, {}}, second_us / power_of_ten(std::min<size_t>(size, 6)));
    return size;
}

void TimeFormat::add_piece(Piece piece, int64_t resolution) {
    pieces_.push_back(std::move(piece));
    resolution_ = resolution_ == 0 ? resolution : std::min(resolution_, resolution);
}

void TimeFormat::append(int64_t time, std::string *out) const {
    if (unit_ > 0) {
        append_number(time, out);
        return;
    }
    using namespace std::chrono;
    const sys_time<microseconds> local{microseconds(time + zone_)};
    const auto day = floor<days>(local);
    const year_month_day date(day);
    const int64_t of_day = (local - day).count();
    for (const Piece &piece : pieces_) {
        switch (piece.part) {
        case Part::literal:
            out->append(piece.literal);
            break;
        case Part::year:
            append_padded(static_cast<int>(date.year()), 4, out);
            break;
        case Part::month:
            append_padded(static_cast<unsigned>(date.month()), 2, out);
            break;
        case Part::day:
            append_padded(static_cast<unsigned>(date.day()), 2, out);
            break;
        case Part::hour:
            append_padded(of_day / hour_us, 2, out);
            break;
        case Part::minute:
            append_padded(of_day / minute_us % 60, 2, out);
            break;
        case Part::second:
            append_padded(of_day / second_us % 60, 2, out);
            break;
        case Part::fraction:
            append_fraction(of_day % second_us, second_us, piece.size, out);
            break;
        }
    }
}

int64_t TimeFormat::count(int64_t time) const {
    int64_t nanoseconds = 0;
    if (!nanoseconds_)
        return time / resolution_;
    return __builtin_mul_overflow(time, 1000, &nanoseconds) ? INT64_MAX : nanoseconds;
}

void TimeFormat::append_number(int64_t time, std::string *out) const {
    append_padded(time / unit_, 1, out);
    if (nanoseconds_ && time > 0)
        out->append("000");
    if (digits_ > 0) {
        out->push_back('.');
        append_fraction(time % unit_, unit_, digits_, out);
    }
}

} // namespace heartbeat::generator
