// Proposes the place of the time. The time can be a text, or a number that counts from 1970. The size of such
// a number shows its unit. The time can also be a time of day with a date from another place. If all elements
// of a list have one time, each element can have a number, for example of seconds, which the mapping adds to
// this time.
#include "decode/suggest_fields.h"
#include "decode/suggest_names.h"
#include "decode/suggest_points.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr int points_text = 6, points_number = 4, points_of_day = 5;
constexpr int points_far = 4; // points to subtract if the time belongs to a whole list
// points to subtract, instead of points_far, if the list always has one element
constexpr int points_single = 3;
// further points to subtract if the elements have no known number that the mapping can add to the time
constexpr int points_guessed = 3;

// Returns the unit that makes every number a time in the years 2000 to 2100. Returns nullptr if there is no
// such unit.
const char *epoch_unit(const SampleValues &found) {
    constexpr double seconds_2000 = 946'684'800, seconds_2100 = 4'102'444'800;
    constexpr struct {
        const char *name;
        double per_second;
    } units[] = {{"s", 1}, {"ms", 1e3}, {"us", 1e6}, {"ns", 1e9}};
    if ((found.numbers + found.number_texts) * 2 < found.values)
        return nullptr;
    for (const auto &unit : units)
        if (found.least >= seconds_2000 * unit.per_second && found.most < seconds_2100 * unit.per_second)
            return unit.name;
    return nullptr;
}

struct Addition {
    std::string json; // the options `plus` and `plus_unit`; empty: no options
    int points = 0;   // 0: found no number to add, so `json` is empty or a guess
};

const char *addition_unit(const ProposedRate &rate, const SamplePlace &place) {
    constexpr double day_s = 86'400;
    const std::string &name = place.names.empty() ? "" : place.names.back();
    const bool named_ms = name.ends_with("ms") || name.ends_with("Ms") || name.find("illi") != name.npos;
    return named_ms || rate.interval_ms || place.found.most > day_s ? "ms" : "s";
}

// Finds a number in each element that the mapping can add to the time of the whole list. The sum is the time
// of the element.
Addition find_addition(const SampleLayout &layout, const ProposedRate &rate) {
    const SamplePlace &rated = *rate.field.place;
    const int level = rated.scope.level;
    Addition best;
    for (const SamplePlace &place : layout.places()) {
        const SampleValues &found = place.found;
        if (place.scope != rated.scope || &place == &rated || found.least < 0 || epoch_unit(found) != nullptr)
            continue;
        const bool is_name = place.root == SampleRoot::name;
        const bool is_number =
            found.values > 0 && (is_name ? found.number_texts : found.numbers) == found.values;
        const int points = is_name ? points_named : points_addition(place.names);
        if (!is_number || points <= best.points)
            continue;
        best = {R"(,"plus":)" + json_quote(sample_place_text(place, level)) + R"(,"plus_unit":")" +
                    addition_unit(rate, place) + '"',
                points};
    }
    // A list of plain numbers may have one measurement for each second. So for such a list, but not for a
    // list of objects, the mapping adds the position of the element, in seconds, to the time.
    if (best.points == 0 && !rated.scope.is_map[level - 1] && rated.pointer.empty())
        best.json = R"(,"plus":"name","plus_unit":"s")";
    return best;
}

// Returns true if each list that contains `rated`, but not `time`, has at most one element in every message.
bool is_single(const SamplePlace &rated, const SamplePlace &time) {
    const uint32_t *const elements = rated.elements;
    return std::all_of(elements + time.scope.level, elements + rated.scope.level,
                       [](uint32_t count) { return count == 1; });
}

const SamplePlace *find_date(const SampleLayout &layout, const SamplePlace &time, const SampleScope &scope) {
    const SamplePlace *best = nullptr;
    int best_points = 0;
    for (const SamplePlace &place : layout.places()) {
        // a mapping can take `date` from the same element as `at`, from an outer element, or from the message
        if (place.root == SampleRoot::name || place.found.dates == 0 ||
            place.found.dates * 2 < place.found.values || !place.scope.contains(scope))
            continue;
        const int points = points_date(place.names) + points_shared(time, place) + place.scope.level + 1;
        if (points > best_points) {
            best = &place;
            best_points = points;
        }
    }
    return best;
}

// If the place can be the time, finds the options and the points of the place. Returns false if the place
// cannot be the time.
bool describe(const SampleLayout &layout, const SamplePlace &place, const SampleScope &scope,
              std::string *options, int *points) {
    const SampleValues &found = place.found;
    const bool is_name = place.root == SampleRoot::name;
    const int named = is_name ? points_text : points_time(place.names);
    if (named < -10)
        return false;
    if (found.times > 0 && found.times * 2 >= found.values) {
        *points = points_text + named;
        return true;
    }
    if (found.times_of_day > 0 && found.times_of_day * 2 >= found.values) {
        const SamplePlace *const date = find_date(layout, place, scope);
        if (date == nullptr)
            return false;
        *options = R"(,"date":)" + json_quote(sample_place_text(*date, scope.level));
        *points = points_of_day + named;
        return true;
    }
    const char *const unit = epoch_unit(found);
    if (unit == nullptr || (named <= 0 && unit == std::string_view("s")))
        return false;
    *options = std::string(R"(,"unit":")") + unit + '"';
    if (found.number_texts > 0 && !is_name)
        *options += R"(,"text":true)";
    *points = points_number + named;
    return true;
}

} // namespace

std::vector<ProposedField> propose_times(const SampleLayout &layout, const ProposedRate &rate) {
    const SamplePlace &rated = *rate.field.place;
    const SampleScope &scope = rated.scope;
    const Addition addition = scope.level == 0 ? Addition() : find_addition(layout, rate);
    std::vector<ProposedField> times;
    for (const SamplePlace &place : layout.places()) {
        std::string options;
        int points = 0;
        if (&place == &rated || place.root == SampleRoot::key_text || !place.scope.contains(scope) ||
            (place.root == SampleRoot::name && place.scope.level < scope.level) ||
            !describe(layout, place, scope, &options, &points))
            continue;
        if (place.scope.level < scope.level && addition.points <= 0 && is_single(rated, place)) {
            points -= points_single;
        } else if (place.scope.level < scope.level) {
            options += addition.json;
            points -= points_far + (addition.points > 0 ? 0 : points_guessed);
        }
        std::string field = json_quote(sample_place_text(place, scope.level));
        if (!options.empty())
            field.insert(0, R"({"at":)").append(options).append("}");
        points += 2 * place.scope.level + points_shared(rated, place) - points_index(place);
        times.push_back({std::move(field), points, &place});
    }
    if (scope.level == 0)
        times.push_back({R"("kafka/timestamp")", 0, nullptr});
    sort_by_points(&times);
    return times;
}

} // namespace heartbeat
