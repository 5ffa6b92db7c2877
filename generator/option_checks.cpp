// Generator, options: checks the values of options. Each error about a wrong value names the legal values.
#include "option_checks.h"

#include "decode/timestamp.h"
#include "kafka/broker_list.h"
#include "options.h"
#include "template_presets.h"

#include <charconv>
#include <cmath>
#include <sstream>

namespace heartbeat::generator {

namespace {

template <typename Number> bool parse_number(const std::string &text, Number *number) {
    const char *end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, *number);
    return result.ec == std::errc() && result.ptr == end;
}

std::string wrong_value(const std::string &text, const std::string &legal) {
    return "\"" + text + "\" is not " + legal;
}

// Returns a validator. For a wrong value, the validator returns the text that CLI11 prints after the option's
// name. For a legal value, it returns an empty text.
CLI::Validator make_check(const std::string &legal, std::function<bool(std::string &)> is_legal) {
    return CLI::Validator(
        [legal, is_legal = std::move(is_legal)](std::string &text) {
            return is_legal(text) ? std::string() : wrong_value(text, legal);
        },
        "");
}

} // namespace

CLI::Validator check_integer(uint64_t first, uint64_t last) {
    const std::string legal = "a whole number from " + std::to_string(first) + " to " + std::to_string(last);
    return make_check(legal, [first, last](std::string &text) {
        uint64_t number = 0;
        return parse_number(text, &number) && number >= first && number <= last;
    });
}

CLI::Validator check_number(double first, double last, bool above_first) {
    std::ostringstream legal;
    legal.precision(15); // for example, write 1000000000 and not 1e+09
    legal << "a number " << (above_first ? "above " : "from ") << first
          << (above_first ? " and up to " : " to ") << last;
    return make_check(legal.str(), [first, last, above_first](std::string &text) {
        double number = 0;
        // These comparisons are false for "nan", so the check refuses "nan".
        return parse_number(text, &number) && (above_first ? number > first : number >= first) &&
               number <= last;
    });
}

CLI::Validator check_time() {
    return make_check("an RFC 3339 time of the years 1970 to 9999, such as 2026-11-22T14:39:02.5Z",
                      [](std::string &text) {
                          int64_t time = 0;
                          if (!timestamp_parse(text, &time) || time < 0)
                              return false;
                          text = std::to_string(time);
                          return true;
                      });
}

CLI::Validator check_port() {
    return make_check("a port from 1 to 65535, or `true` for any free port", [](std::string &text) {
        if (text == "true") {
            text = "0";
            return true;
        }
        uint16_t port = 0;
        return parse_number(text, &port) && port > 0;
    });
}

CLI::Validator check_switch() {
    return make_check("true or false", [](std::string &text) { return text == "true" || text == "false"; });
}

CLI::Validator check_preset() {
    return make_check("a preset. The presets are " + preset_names(),
                      [](std::string &text) { return preset_find(text).has_value(); });
}

CLI::Validator check_brokers() {
    return CLI::Validator(
        [](std::string &text) {
            char reason[256];
            if (broker_list_check(text.c_str(), reason, sizeof(reason)))
                return std::string();
            return "\"" + text + "\" is not a list of bootstrap servers. " + reason + " Give " +
                   broker_list_legal;
        },
        "");
}

CLI::Validator check_format() {
    return make_check(std::string("a format. ") + format_legal, [](std::string &text) {
        return text == "json" || text == "json-schema" || text == "avro" || text == "protobuf";
    });
}

// The error does not repeat the addresses, because an address can contain a password.
CLI::Validator check_registry() {
    return CLI::Validator(
        [](std::string &text) {
            for (const std::string &url : CLI::detail::split(text, ',')) {
                const size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
                if (scheme == 0 || url.size() == scheme)
                    return std::string("an address of a schema registry begins with http:// or https://");
                const bool has_secret = url.find('@') != std::string::npos;
                if (has_secret || url.find_first_of("?# ") != std::string::npos)
                    return std::string("an address of a schema registry is http(s)://HOST:PORT/PATH, without "
                                       "user name and password. Give both as the property "
                                       "schema.registry.basic.auth.user.info in --config-file");
            }
            return std::string(text.empty() ? "an address of a schema registry is missing" : "");
        },
        "");
}

CLI::Validator check_property() {
    return make_check("key=value, a property of librdkafka or of the schema registry and its value",
                      [](std::string &text) {
                          const size_t equals = text.find('=');
                          return equals != std::string::npos && equals > 0;
                      });
}

} // namespace heartbeat::generator
