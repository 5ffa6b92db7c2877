// The words in the names of heart rates, times, customers and devices, and the points of each word.
#include "decode/suggest_names.h"

#include <algorithm>
#include <functional>

namespace heartbeat {

namespace {

struct PointsOfWord {
    std::string_view word;
    int points;
};

constexpr std::string_view rate_words[] = {"hr", "bpm", "pulse", "puls", "heartbeat", "pouls", "pulso"};
constexpr std::string_view rate_names[] = {"heartrate", "beatsperminute", "pulserate", "herzfrequenz"};
constexpr std::string_view rate_codes[] = {"88674", "mdcpuls", "hkquantitytypeidentifierheartrate"};

// A value with one of these words in its name is not a heart rate, but can describe a heart rate.
constexpr std::string_view other_words[] = {
    "variability", "hrv",       "rmssd",   "sdnn",  "confidence", "accuracy", "quality", "zone",   "zones",
    "limit",       "threshold", "count",   "goal",  "target",     "min",      "minimum", "max",    "maximum",
    "resting",     "recovery",  "reserve", "alarm", "unit",       "units",    "status",  "version"};
constexpr std::string_view other_last_words[] = {"id",       "time",   "timestamp", "ts",  "date", "at",
                                                 "duration", "offset", "start",     "end", "epoch"};
constexpr std::string_view foreign_words[] = {
    "spo2",    "sao2",     "oxygen", "saturation", "temp",     "temperature", "weight",      "height",
    "battery", "steps",    "step",   "calories",   "humidity", "systolic",    "diastolic",   "sys",
    "dia",     "pressure", "lat",    "lon",        "latitude", "longitude",   "altitude",    "speed",
    "pace",    "cadence",  "power",  "age",        "resp",     "respiratory", "respiration", "breath",
    "glucose", "distance", "rssi",   "port",       "seq",      "sequence",    "index",       "bmi",
    "stress",  "vo2",      "hrv",    "signal",     "year"};
constexpr PointsOfWord generic_words[] = {{"value", 4},   {"val", 4},     {"v", 3},        {"avg", 3},
                                          {"mean", 3},    {"average", 3}, {"rate", 3},     {"measurement", 3},
                                          {"reading", 3}, {"qty", 2},     {"quantity", 2}, {"number", 2},
                                          {"result", 2},  {"double", 2},  {"float", 2},    {"int", 2}};
constexpr PointsOfWord time_words[] = {
    {"timestamp", 6},  {"datetime", 6},  {"time", 5},      {"ts", 5},     {"epoch", 5},
    {"when", 4},       {"date", 4},      {"at", 3},        {"clock", 3},  {"measured", 3},
    {"observed", 3},   {"recorded", 3},  {"effective", 3}, {"taken", 3},  {"sampled", 3},
    {"sample", 1},     {"event", 1},     {"start", 2},     {"begin", 2},  {"created", -3},
    {"updated", -4},   {"modified", -4}, {"received", -3}, {"sent", -2},  {"ingested", -4},
    {"processed", -4}, {"sync", -3},     {"end", -3},      {"stop", -3},  {"birth", -20},
    {"dob", -20},      {"expires", -20}, {"expiry", -20},  {"next", -20}, {"zone", -20},
    {"duration", -20}, {"t", 3},         {"dt", 3},        {"tm", 3}};
constexpr PointsOfWord addition_words[] = {{"offset", 6}, {"delta", 5}, {"elapsed", 5}, {"seconds", 2},
                                           {"millis", 2}, {"ms", 2},    {"t", 3},       {"zone", -20}};
constexpr PointsOfWord customer_words[] = {
    {"customer", 9}, {"patient", 9}, {"participant", 9}, {"subject", 8}, {"user", 8},      {"person", 8},
    {"member", 7},   {"athlete", 7}, {"wearer", 7},      {"client", 6},  {"resident", 6},  {"mrn", 8},
    {"uid", 6},      {"account", 5}, {"owner", 5},       {"pid", 4},     {"individual", 6}};
constexpr PointsOfWord device_words[] = {{"device", 8},  {"sensor", 7}, {"serial", 6}, {"wearable", 6},
                                         {"watch", 5},   {"strap", 4},  {"band", 4},   {"gateway", 4},
                                         {"monitor", 4}, {"host", 3},   {"imei", 6},   {"mac", 4}};
// A value with one of these words in its name describes a kind of device, and is not the id of one device.
constexpr std::string_view product_words[] = {"model",    "manufacturer", "vendor",     "brand",
                                              "make",     "product",      "firmware",   "hardware",
                                              "software", "app",          "application"};
constexpr PointsOfWord id_words[] = {{"id", 3},     {"uuid", 3}, {"uid", 3},       {"identifier", 3},
                                     {"serial", 3}, {"eui", 3},  {"number", 2},    {"ref", 2},
                                     {"key", 2},    {"code", 1}, {"reference", 2}, {"name", 0}};
constexpr std::string_view no_id_words[] = {"token", "type",   "version", "email", "phone",
                                            "agent", "status", "time",    "first", "last",
                                            "class", "gender", "session"};

template <size_t size, typename Join>
int points_of(const Words &words, const PointsOfWord (&list)[size], Join join) {
    int points = 0;
    for (const PointsOfWord &one : list)
        if (has_any(words, WordList(&one.word, 1)))
            points = join(points, one.points);
    return points;
}

template <size_t size> int sum(const Words &words, const PointsOfWord (&list)[size]) {
    return points_of(words, list, std::plus<int>());
}

template <size_t size> int best(const Words &words, const PointsOfWord (&list)[size]) {
    return points_of(words, list, [](int one, int other) { return std::max(one, other); });
}

int points_rate_name(const Words &words) {
    constexpr int whole_name = 10, one_word = 9, heart_alone = 7;
    if (contains_any(joined(words), rate_names))
        return whole_name;
    if (has_any(words, rate_words))
        return one_word;
    constexpr std::string_view heart[] = {"heart"};
    return has_any(words, heart) ? heart_alone : 0;
}

bool is_one_of_words(const std::string &word, std::span<const PointsOfWord> list) {
    return std::any_of(list.begin(), list.end(), [&](const PointsOfWord &one) { return one.word == word; });
}

enum class Thing { unknown, customer, device, product };

Thing thing_of(const std::string &word) {
    if (is_one_of_words(word, customer_words))
        return Thing::customer;
    if (is_one_of_words(word, device_words))
        return Thing::device;
    return has(product_words, word) ? Thing::product : Thing::unknown;
}

// Divides a name into words. Also divides a word such as deviceid into device and id, because words_of()
// needs a separator or a capital letter.
Words id_words_of(std::string_view name) {
    Words words;
    for (std::string &word : words_of(name)) {
        const auto end = std::find_if(std::begin(id_words), std::end(id_words), [&](const PointsOfWord &id) {
            return word.size() > id.word.size() && word.ends_with(id.word) &&
                   thing_of(word.substr(0, word.size() - id.word.size())) != Thing::unknown;
        });
        if (end == std::end(id_words) || thing_of(word) != Thing::unknown) {
            words.push_back(std::move(word));
        } else {
            words.push_back(word.substr(0, word.size() - end->word.size()));
            words.emplace_back(end->word);
        }
    }
    return words;
}

// Returns the kind of thing that an id at this path identifies: a customer, a device or a product. The last
// word for such a thing decides, so /user/device/id identifies a device. A device can have a uid, so "uid"
// means a customer only if the path has no other word for a customer, device or product.
Thing thing_of_path(const NamePath &path) {
    bool uid = false;
    for (auto name = path.rbegin(); name != path.rend(); ++name) {
        const Words words = id_words_of(*name);
        for (auto word = words.rbegin(); word != words.rend(); ++word) {
            const Thing thing = thing_of(*word);
            if (thing != Thing::unknown && *word != "uid")
                return thing;
            uid = uid || *word == "uid";
        }
    }
    return uid ? Thing::customer : Thing::unknown;
}

// Returns the points of a path: many points if the path probably leads to the id of a customer or device.
// `list` has the words for a customer or for a device. A path gets the most points if its last name has a
// word of the list. A path also gets points if an earlier name has a word of the list, and the last name has
// a word for an id. A path with a word for an id, but without a word of the list, gets at most one point.
template <size_t size> int points_id(const NamePath &path, const PointsOfWord (&list)[size]) {
    const Words own = path.empty() ? Words() : id_words_of(path.back());
    if (own.empty() || has_any(own, no_id_words))
        return 0;
    const int named = best(own, list), id = best(own, id_words);
    if (named > 0)
        return named + id;
    return id > 0 ? std::max(best(parent_words(path), list) + id - 2, 0) : 0;
}

} // namespace

int points_heart_rate(const NamePath &path) {
    const Words own = last_words(path), parents = parent_words(path);
    if (has_any(own, foreign_words) || has_any(own, other_words) || has_any(parents, other_words))
        return -1;
    const int named = points_rate_name(own);
    if (!own.empty() && has(other_last_words, own.back()))
        return -1;
    if (named > 0)
        return named;
    if (has_any(parents, foreign_words))
        return -1;
    const int above = points_rate_name(parents), generic = best(own, generic_words);
    return above > 0 && generic > 0 ? above - points_named / 2 + generic - 1 : 0;
}

int points_generic_rate(const NamePath &path) {
    const Words own = last_words(path), parents = parent_words(path);
    if (has_any(own, foreign_words) || has_any(parents, foreign_words))
        return -1;
    return best(own, generic_words);
}

int points_interval(const NamePath &path) {
    const Words own = last_words(path), parents = parent_words(path);
    const auto is_rr = [](const Words &words) {
        constexpr std::string_view short_names[] = {"rr", "rri", "ibi", "ibis", "rrs"};
        constexpr std::string_view long_names[] = {"rrinterval", "interbeat", "beatinterval", "beattobeat"};
        return has_any(words, short_names) || contains_any(joined(words), long_names);
    };
    constexpr std::string_view inner[] = {"interval", "value", "ms", "duration", "length"};
    if (is_rr(own))
        return points_named + 1;
    return is_rr(parents) && has_any(own, inner) ? points_named + 1 : 0;
}

bool names_unit_hz(const NamePath &path) {
    constexpr std::string_view hz[] = {"hz", "hertz"};
    return has_any(last_words(path), hz);
}

int points_time(const NamePath &path) {
    const Words own = last_words(path);
    int points = sum(own, time_words);
    const std::string text = joined(own);
    constexpr std::string_view end = "time";
    if (points == 0 && text.size() > end.size() && text.ends_with(end))
        points = 5;
    return points > 0 || points < -10 ? points
                                      : points + std::max(sum(parent_words(path), time_words), 0) / 2;
}

int points_date(const NamePath &path) {
    constexpr PointsOfWord date[] = {
        {"date", 6}, {"day", 5}, {"datetime", 4}, {"calendar", 1}, {"birth", -20}};
    return sum(last_words(path), date);
}

int points_addition(const NamePath &path) {
    return sum(last_words(path), addition_words);
}

bool names_kind(const NamePath &path) {
    constexpr std::string_view kinds[] = {"type", "kind",     "op",    "event", "resource", "metric",
                                          "name", "category", "class", "code",  "schema",   "action"};
    const Words own = last_words(path);
    return has_any(own, kinds) && points_customer(path) <= 0 && points_device(path) <= 0;
}

int points_customer(const NamePath &path) {
    const Thing thing = thing_of_path(path);
    return thing == Thing::customer || thing == Thing::unknown ? points_id(path, customer_words) : 0;
}

int points_device(const NamePath &path) {
    return thing_of_path(path) == Thing::device ? points_id(path, device_words) : 0;
}

bool text_names_heart_rate(std::string_view text) {
    const Words words = words_of(text);
    const std::string all = joined(words);
    if (contains_any(all, rate_codes))
        return true;
    return points_rate_name(words) > 0 && !has_any(words, other_words);
}

} // namespace heartbeat
