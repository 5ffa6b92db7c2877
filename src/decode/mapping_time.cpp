// Reads the options of event_timestamp, and refuses options that contradict each other.
#include "decode/field_values.h"
#include "decode/mapping_fields.h"
#include "decode/mapping_options.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr char legal_at[] = "a place, such as \"/time\"";
constexpr std::string_view names[] = {"at", "text", "default", "unit", "zone", "plus", "plus_unit", "date"};
constexpr std::string_view units[] = {"iso", "s", "ms", "us", "ns"};
constexpr std::string_view plus_units[] = {"s", "ms", "us", "ns"};

class TimeFieldReader {
  public:
    TimeFieldReader(const MappingValue &value, size_t lists)
        : options_(value, names), rules_{lists, PlaceUse::time} {}

    TimeField read() {
        const MappingValue at = options_.required("at", legal_at);
        field_.place = place_parse(at.text(legal_at), rules_, at.pointer);
        field_.text = options_.flag("text");
        read_unit();
        if (field_.unit != TimeUnit::iso)
            mapping_check_number(field_.place, field_.text, at.pointer);
        read_date();
        read_zone();
        read_plus();
        read_fallback();
        field_.level = field_.place.level;
        if (field_.date)
            field_.level = std::max(field_.level, field_.date->level);
        return std::move(field_);
    }

  private:
    void read_unit() {
        const auto unit = options_.find("unit");
        const bool of_kafka = field_.place.root == PlaceRoot::kafka_timestamp;
        field_.names_unit = unit.has_value() || of_kafka;
        if (unit)
            field_.unit = static_cast<TimeUnit>(mapping_choice(*unit, units));
        if (unit && of_kafka && field_.unit != TimeUnit::ms)
            unit->refuse("is " + mapping_quote(unit->node().text()) +
                             ", but \"kafka/timestamp\" is in milliseconds",
                         "\"ms\", or no unit");
        if (of_kafka)
            field_.unit = TimeUnit::ms;
    }

    // Refuses an option that is legal only with the unit iso, if the field has another unit.
    void need_iso(const MappingValue &option) const {
        if (field_.unit == TimeUnit::iso)
            return;
        const bool of_kafka = field_.place.root == PlaceRoot::kafka_timestamp;
        option.refuse(of_kafka ? "contradicts \"at\": \"kafka/timestamp\", which is an instant"
                               : "contradicts \"unit\", which counts from 1970 in UTC",
                      "no such option, or \"unit\": \"iso\"");
    }

    void read_date() {
        const auto date = options_.find("date");
        if (!date)
            return;
        need_iso(*date);
        const PlaceRules rules = {rules_.lists, PlaceUse::field};
        field_.date = place_parse(date->text("a place of a date, such as \"/day\""), rules, date->pointer);
    }

    void read_zone() {
        const auto zone = options_.find("zone");
        if (!zone)
            return;
        need_iso(*zone);
        const std::string legal = R"("UTC", an offset such as "+01:00", or a name of the time zone database )"
                                  R"(such as "Europe/Berlin")";
        const std::string_view name = zone->text(legal);
        if (field_.zone.set(name))
            return;
        const std::string suggestion = TimeZone::suggest(name);
        zone->refuse("is " + mapping_quote(name) + (suggestion.empty() ? "" : "; " + suggestion), legal);
    }

    void read_plus() {
        const auto plus = options_.find("plus");
        const auto unit = options_.find("plus_unit");
        if (plus && !unit)
            mapping_refuse(plus->pointer + "_unit", "is missing, although there is \"plus\"",
                           mapping_list(plus_units));
        if (unit && !plus)
            unit->refuse("has no \"plus\" beside it", "both \"plus\" and \"plus_unit\", or neither");
        if (!plus)
            return;
        field_.plus_unit = static_cast<TimeUnit>(mapping_choice(*unit, plus_units) + 1);
        const PlaceRules rules = {rules_.lists, PlaceUse::field};
        field_.plus = place_parse(plus->text("a place of a number, such as \"name\""), rules, plus->pointer);
        mapping_check_number(*field_.plus, field_.text, plus->pointer);
    }

    void read_fallback() {
        const auto fallback = options_.find("default");
        if (!fallback)
            return;
        TimestampParts parts{};
        if (field_.unit == TimeUnit::iso) {
            const std::string legal = field_.date ? "a text of a time of day, such as \"14:39:02\""
                                                  : "a text of a timestamp, such as \"2026-11-22T14:39:02Z\"";
            const std::string_view text = fallback->text(legal);
            if (!(field_.date ? timestamp_parse_time_of_day(text, &parts)
                              : timestamp_parse_parts(text, &parts)))
                fallback->refuse("is " + mapping_quote(text), legal);
        } else {
            const std::string legal = "a number in this unit, for a time in the years 0000 to 9999";
            if (!fallback->node().is_number())
                fallback->refuse_type(legal);
            parts.has_zone = true;
            if (!epoch_convert(fallback->node(), field_.unit, &parts.local_time) ||
                !event_time_is_legal(parts.local_time))
                fallback->refuse("is out of range", legal);
        }
        field_.fallback = parts;
    }

    const Options options_;
    const PlaceRules rules_;
    TimeField field_;
};

} // namespace

TimeField mapping_time_field(const MappingValue &value, size_t lists) {
    if (value.type() == ValueType::object)
        return TimeFieldReader(value, lists).read();
    TimeField field;
    field.place = place_parse(value.text(legal_at), {lists, PlaceUse::time}, value.pointer);
    field.level = field.place.level;
    if (field.place.root == PlaceRoot::kafka_timestamp) {
        field.unit = TimeUnit::ms;
        field.names_unit = true;
    }
    return field;
}

} // namespace heartbeat
