// Benchmark: decoding without Kafka and PostgreSQL. bench/decode compiles and runs this program.
#include "decode/decode_json.h"
#include "decode/decode_plain.h"
#include "decode/json_arena.h"
#include "decode/mapped_decoder.h"
#include "decode/mapping_compile.h"
#include "decode/presets.h"
#include "decode/reading.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace heartbeat;
using Clock = std::chrono::steady_clock;

constexpr int samples = 60;
// Each case has this many different messages. If all messages were the same, the CPU would predict all
// branches, and decoding would be too fast.
constexpr size_t message_count = 256;

struct Case {
    const char *name;
    size_t readings_per_message;
    std::vector<std::string> messages;
    std::function<size_t(const std::string &)> decode; // returns the number of readings
    std::vector<double> seconds_per_reading = {};
};

std::string print(const char *format, auto... values) {
    char text[512];
    std::snprintf(text, sizeof(text), format, values...);
    return text;
}

std::vector<std::string> make(const std::function<std::string(int)> &message) {
    std::vector<std::string> messages;
    messages.reserve(message_count);
    for (size_t i = 0; i < message_count; i++)
        messages.push_back(message(static_cast<int>(i * 7919 % 1000)));
    return messages;
}

std::string own(int i) {
    return print(
        R"({"customer_id":"CUST-%04d","heart_rate":%d,"event_timestamp":"2026-11-22T14:%02d:%02d.%06dZ"})", i,
        50 + i % 60, i % 60, i * 7 % 60, i * 999);
}

// Returns a message with a customer, a heart rate and a time, as in heartbeat's own layout. But the fields
// have other names and another order, and the message has more fields, which the mapping does not name.
std::string flat(int i) {
    return print(
        R"({"type":"vitals","bpm":%d,"spo2":97.5,"userId":"CUST-%04d","temperature":36.6,"ts":17954447%05d,)"
        R"("source":"app"})",
        50 + i % 60, i, i * 97);
}

std::string with_samples(int i) {
    std::string text = print(R"({"user":"CUST-%04d","device":"watch-17","samples":[)", i);
    for (int k = 0; k < samples; k++)
        text += print(R"(%s{"t":17954447%05d,"bpm":%d})", k == 0 ? "" : ",", i * 60 + k, 50 + (i + k) % 60);
    return text + "]}";
}

std::string with_map(int i) {
    std::string text = print(R"({"user":"CUST-%04d","start":1795444700,"rates":{)", i);
    for (int k = 0; k < samples; k++)
        text += print(R"(%s"%d":%d)", k == 0 ? "" : ",", k * 15, 50 + (i + k) % 60);
    return text + "}}";
}

// The program never frees the decoder and its mapping.
std::function<size_t(const std::string &)> mapped(const char *json) {
    MappingError error;
    const Mapping *const mapping = mapping_compile(json, &error);
    if (mapping == nullptr) {
        std::fprintf(stderr, "%s %s\n", error.pointer, error.problem);
        std::exit(1);
    }
    static MappedMemory memory;
    auto *const decoder = new MappedDecoder(*mapping, &memory);
    return [decoder](const std::string &text) {
        MessageView message;
        DecodeError fault;
        message.payload = {text.data(), text.size()};
        return decoder->decode(message, &fault) == DecodeResult::decoded ? decoder->readings().size() : 0;
    };
}

size_t parse_with_jansson(const std::string &text) {
    JsonArena arena;
    json_error_t cause;
    bool out_of_memory = false;
    return arena.load(text.data(), text.size(), JSON_REJECT_DUPLICATES, &cause, &out_of_memory) != nullptr;
}

std::vector<Case> make_cases() {
    static JsonTree tree;
    const auto parse_with_simdjson = [](const std::string &text) -> size_t {
        DecodeError error;
        return tree.parse(text, "payload", &error);
    };
    const auto plain = [](const std::string &text) -> size_t {
        Reading reading;
        return decode_plain(text, &reading);
    };
    const auto json = [](const std::string &text) -> size_t {
        Reading reading;
        DecodeError error;
        return decode_json(text.data(), text.size(), &reading, &error);
    };
    const auto all_of = [](const std::function<size_t(const std::string &)> &parse) {
        return [parse](const std::string &text) { return parse(text) * samples; };
    };
    const char *const flat_mapping =
        R"({"customer_id":"/userId","heart_rate":"/bpm","event_timestamp":{"at":"/ts","unit":"ms"}})";
    const char *const samples_mapping =
        R"({"each":"/samples","customer_id":"/user","device_id":"/device","heart_rate":"each/bpm",)"
        R"("event_timestamp":{"at":"each/t","unit":"ms"}})";
    const char *const map_mapping =
        R"({"each":"/rates","customer_id":"/user","heart_rate":"each",)"
        R"("event_timestamp":{"at":"/start","unit":"s","plus":"name","plus_unit":"s"}})";
    return {
        {"own layout, decode_plain", 1, make(own), plain},
        {"own layout, decode_json (jansson)", 1, make(own), json},
        {"own layout, mapped", 1, make(own), mapped(preset_find("heartbeat")->mapping)},
        {"flat JSON, mapped", 1, make(flat), mapped(flat_mapping)},
        {"60 samples, mapped", samples, make(with_samples), mapped(samples_mapping)},
        {"map of 60 members, mapped", samples, make(with_map), mapped(map_mapping)},
        {"flat JSON, only parsed by jansson", 1, make(flat), parse_with_jansson},
        {"flat JSON, only parsed by simdjson", 1, make(flat), parse_with_simdjson},
        {"60 samples, only parsed by jansson", samples, make(with_samples), all_of(parse_with_jansson)},
        {"60 samples, only parsed by simdjson", samples, make(with_samples), all_of(parse_with_simdjson)},
    };
}

void measure(Case *measured, double milliseconds) {
    const Clock::time_point begin = Clock::now();
    const auto limit = std::chrono::duration<double, std::milli>(milliseconds);
    size_t readings = 0;
    Clock::duration elapsed{};
    do {
        for (const std::string &message : measured->messages) {
            const size_t decoded = measured->decode(message);
            if (decoded != measured->readings_per_message) {
                std::fprintf(stderr, "%s: a message has %zu readings\n", measured->name, decoded);
                std::exit(1);
            }
            readings += decoded;
        }
        elapsed = Clock::now() - begin;
    } while (elapsed < limit);
    measured->seconds_per_reading.push_back(std::chrono::duration<double>(elapsed).count() /
                                            static_cast<double>(readings));
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

int main(int count, char **arguments) {
    double milliseconds = 200;
    long rounds = 5;
    for (int i = 1; i + 1 < count; i += 2) {
        if (std::strcmp(arguments[i], "--milliseconds") == 0)
            milliseconds = std::atof(arguments[i + 1]);
        else if (std::strcmp(arguments[i], "--rounds") == 0)
            rounds = std::atol(arguments[i + 1]);
    }
    std::vector<Case> cases = make_cases();
    for (long round = 0; round < std::max(rounds, 1L); round++)
        for (Case &measured : cases)
            measure(&measured, milliseconds);
    std::printf("%-38s %14s %12s %8s %10s\n", "", "readings/s", "ns/reading", "ratio", "bytes");
    const double base = median(cases[0].seconds_per_reading);
    for (const Case &measured : cases) {
        const double seconds = median(measured.seconds_per_reading);
        std::printf("%-38s %14.0f %12.0f %8.2f %10zu\n", measured.name, 1 / seconds, seconds * 1e9,
                    base / seconds, measured.messages[0].size());
    }
    return 0;
}
