// Splits a place into segments, and refuses places that cannot have a value.
#include "decode/mapping_place.h"

#include "decode/mapping_fault.h"
#include "decode/mapping_limits.h"

#include <charconv>

namespace heartbeat {

namespace {

// Converts a path in the notation of JSONPath to a place: $.data[0].bpm and $['data'][0]['bpm'] become
// /data/0/bpm.
std::string place_of_json_path(std::string_view path) {
    std::string place, name;
    char quote = '\0';
    const auto end_name = [&] {
        if (!name.empty())
            place = mapping_pointer(place, name);
        name.clear();
    };
    for (const char c : path.substr(1)) {
        if (quote == '\0' ? c == '\'' || c == '"' : c == quote)
            quote = quote == '\0' ? c : '\0';
        else if (quote == '\0' && (c == '.' || c == '[' || c == ']'))
            end_name();
        else
            name += c;
    }
    end_name();
    return place.empty() ? "value" : place;
}

class PlaceParser {
  public:
    PlaceParser(std::string_view text, const PlaceRules &rules, const std::string &pointer)
        : text_(text), rules_(rules), pointer_(pointer) {}

    Place parse() {
        if (text_.size() > place_bytes_max)
            refuse("is a place of " + std::to_string(text_.size()) + " bytes",
                   "a place of at most " + std::to_string(place_bytes_max) + " bytes");
        split();
        read_root();
        read_segments();
        return std::move(place_);
    }

  private:
    [[noreturn]] void refuse(const std::string &problem, const std::string &legal) const {
        mapping_refuse(pointer_, problem, legal);
    }

    std::string legal_places() const {
        if (rules_.use == PlaceUse::each_inner)
            return "a place that begins with \"/\": it begins at the element of the first place";
        if (rules_.use == PlaceUse::each)
            return "a place that begins with \"/\", or \"value\"";
        std::string places = R"("/NAME/...", "value", "key", "header/NAME")";
        if (rules_.lists > 0)
            places += R"(, "each", "name")";
        if (rules_.lists > 1)
            places += R"(, "outer")";
        if (rules_.use != PlaceUse::field)
            places += R"(, "kafka/timestamp")";
        return "a place: " + places;
    }

    std::string unescape(std::string_view segment) const {
        std::string name;
        for (size_t i = 0; i < segment.size(); i++) {
            if (segment[i] != '~') {
                name += segment[i];
            } else if (i + 1 < segment.size() && (segment[i + 1] == '0' || segment[i + 1] == '1')) {
                name += segment[++i] == '0' ? '~' : '/';
            } else {
                refuse("has a \"~\" without 0 or 1 after it",
                       "\"~1\" for a slash in a name, and \"~0\" for a tilde");
            }
        }
        return name;
    }

    void split() {
        size_t begin = 0;
        for (;;) {
            const size_t slash = text_.find('/', begin);
            names_.push_back(unescape(text_.substr(begin, slash - begin)));
            if (names_.size() > place_segments_max + 1)
                refuse("has more than " + std::to_string(place_segments_max) + " segments",
                       "at most " + std::to_string(place_segments_max) + " segments after the first");
            if (slash == std::string_view::npos)
                break;
            if (begin == 0)
                place_.path = text_.substr(slash);
            begin = slash + 1;
        }
    }

    void read_root() {
        const std::string &first = names_[0];
        const bool more = names_.size() > 1;
        if (first.empty() && rules_.use == PlaceUse::each_inner) {
            place_.root = PlaceRoot::outer;
            place_.level = PlaceLevel::outer;
            return;
        }
        if (first.empty() || (first == "value" && rules_.use != PlaceUse::each_inner))
            place_.root = PlaceRoot::value;
        else if (rules_.use == PlaceUse::each || rules_.use == PlaceUse::each_inner)
            refuse("begins with " + mapping_quote(first), legal_places());
        else if (first == "key")
            place_.root = more ? PlaceRoot::key : PlaceRoot::key_text;
        else if (first == "header")
            read_header();
        else if (first == "each")
            place_.root = PlaceRoot::each;
        else if (first == "outer")
            place_.root = PlaceRoot::outer;
        else if (first == "name")
            place_.root = PlaceRoot::name;
        else if (first == "kafka")
            read_kafka();
        else
            refuse_first(first);
        read_level();
    }

    void read_level() {
        switch (place_.root) {
        case PlaceRoot::each:
        case PlaceRoot::name:
            if (rules_.lists == 0)
                refuse("begins with " + mapping_quote(names_[0]) + ", but the mapping has no \"each\"",
                       legal_places());
            place_.level = PlaceLevel::element;
            break;
        case PlaceRoot::outer:
            if (rules_.lists < 2)
                refuse("begins with \"outer\", but \"each\" is not a list of two places", legal_places());
            place_.level = PlaceLevel::outer;
            break;
        default:
            break;
        }
        if (place_.root == PlaceRoot::name && names_.size() > 1)
            refuse("has segments after \"name\", which is a text or a number", "\"name\" alone");
    }

    void read_header() {
        if (names_.size() != 2 || names_[1].empty())
            refuse(names_.size() > 2 ? "has segments after a header, which is a text"
                                     : "does not name a header",
                   "\"header/NAME\"");
        place_.root = PlaceRoot::header;
        place_.header = names_[1];
    }

    void read_kafka() {
        if (names_.size() != 2 || names_[1] != "timestamp")
            refuse("is " + mapping_quote(text_), "\"kafka/timestamp\"");
        if (rules_.use == PlaceUse::field)
            refuse("is \"kafka/timestamp\", which is a time", legal_places());
        place_.root = PlaceRoot::kafka_timestamp;
    }

    [[noreturn]] void refuse_first(const std::string &first) const {
        static constexpr std::string_view roots[] = {"value", "key",  "header", "each",
                                                     "outer", "name", "kafka"};
        std::string suggestion = mapping_suggest(first, roots);
        const std::string place = text_[0] == '$' ? place_of_json_path(text_) : "/" + std::string(text_);
        if (suggestion.empty() || first.find('/') != std::string::npos)
            suggestion = "did you mean " + mapping_quote(place) + "?";
        refuse("begins with " + mapping_quote(first) + "; " + suggestion, legal_places());
    }

    void read_segments() {
        if (place_.root == PlaceRoot::header || place_.root == PlaceRoot::kafka_timestamp)
            return;
        for (size_t i = 1; i < names_.size(); i++) {
            PlaceSegment segment;
            segment.any = names_[i] == "*";
            if (segment.any && rules_.use != PlaceUse::condition)
                refuse("has the segment \"*\"", "\"*\" only in a place of \"when\"");
            segment.number = number_of(names_[i]);
            segment.name = std::move(names_[i]);
            place_.segments.push_back(std::move(segment));
        }
    }

    // Returns the name as the index of an array element, or no_value if the name cannot be an index. As in
    // RFC 6901, an index has no leading zeros.
    static uint32_t number_of(const std::string &name) {
        uint32_t number = no_value;
        if (name.empty() || (name[0] == '0' && name.size() > 1) || name[0] < '0' || name[0] > '9')
            return no_value;
        const std::from_chars_result end = std::from_chars(name.data(), name.data() + name.size(), number);
        return end.ec == std::errc{} && end.ptr == name.data() + name.size() ? number : no_value;
    }

    std::string_view text_;
    const PlaceRules &rules_;
    const std::string &pointer_;
    std::vector<std::string> names_;
    Place place_;
};

} // namespace

Place place_parse(std::string_view text, const PlaceRules &rules, const std::string &pointer) {
    return PlaceParser(text, rules, pointer).parse();
}

} // namespace heartbeat
