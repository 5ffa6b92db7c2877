// Finds the values of the user's properties in librdkafka's texts.
//
// Some values, such as the password "broker" or a single letter, are also words of librdkafka's own texts.
// The redactor replaces such a value only where the text quotes the value. At other places the word does not
// come from the file. If the redactor also replaced the word at other places, a reader who knows librdkafka's
// texts would learn the value.
#include "kafka/redaction.h"

#include "decode/utf8_text.h"
#include "kafka/owned.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iterator>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <new>

namespace heartbeat {

namespace {

// The values of these properties are names from lists in librdkafka or in heartbeat, so the values are no
// secrets.
constexpr const char *harmless_names[] = {
    "basic.auth.credentials.source",
    "bearer.auth.credentials.source",
    "broker.address.family",
    "broker.version.fallback",
    "client.dns.lookup",
    "compression.codec",
    "compression.type",
    "debug",
    "group.protocol",
    "metadata.recovery.strategy",
    "queuing.strategy",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.assertion.algorithm",
    "schema.registry.basic.auth.credentials.source",
    "schema.registry.bearer.auth.credentials.source",
    "schema.registry.ssl.endpoint.identification.algorithm",
    "security.protocol",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.metadata.authentication.type",
    "sasl.oauthbearer.method",
    "ssl.endpoint.identification.algorithm",
};

// Words about connections, and words from OpenSSL and SASL, in librdkafka's own texts. The redactor takes all
// other words of these texts from librdkafka's documentation and list of errors.
constexpr char further_texts[] =
    "disconnected connect to ipv4# ipv6# failed: connection refused reset by peer closed while request was "
    "in "
    "flight timed out no route to host handshake failed: error: system library:fopen: no such file or "
    "directory permission denied calling routines:: alert unknown bad decrypt certificate verify failed: "
    "unable "
    "to get local issuer self-signed in chain invalid username or password credentials during mechanism step "
    "unsupported value read write memory fatal unexpected eof bytes size sent received thrd facility worker";

// if a text was cut inside a value, only the beginning of the value remains. The redactor hides this
// beginning if the beginning has at least tail_min characters
constexpr size_t tail_min = 4;
constexpr char separators[] = ",;|: \t=";

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(tolower(c)); });
    return text;
}

std::string documentation() {
    char *bytes = nullptr;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    if (file == nullptr)
        throw std::bad_alloc();
    rd_kafka_conf_properties_show(file);
    bool complete = fclose(file) == 0;
    std::unique_ptr<char, Deleter<free>> owner(bytes);
    if (!complete)
        throw std::bad_alloc();
    return {bytes, size};
}

std::string ordinary_texts() {
    std::string texts = documentation() + further_texts;
    const rd_kafka_err_desc *errors;
    size_t count;
    rd_kafka_get_err_descs(&errors, &count);
    for (size_t i = 0; i < count; i++)
        for (const char *text : {errors[i].name, errors[i].desc})
            texts.append(" ").append(text == nullptr ? "" : text);
    return lower(texts);
}

bool is_harmless(const std::string &name) {
    return std::find(std::begin(harmless_names), std::end(harmless_names), name) != std::end(harmless_names);
}

// Returns whether the property is a credential. The redactor hides a number or a Boolean value only if the
// property is a credential.
bool is_credential(const std::string &name) {
    constexpr const char *parts[] = {"password",  "passphrase", "secret",    "username",
                                     "client.id", ".pem",       "user.info", "auth.token"};
    return std::any_of(std::begin(parts), std::end(parts),
                       [&](const char *part) { return name.find(part) != std::string::npos; });
}

bool is_word(const std::string &text, size_t at) {
    return at < text.size() && (isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
}

bool ends_with(const std::string &text, size_t at, const std::string &end) {
    return at >= end.size() && text.compare(at - end.size(), end.size(), end) == 0;
}

// Returns whether the text quotes the value. A quoted value is in quotes or brackets, or follows the
// property's name or a `=`.
bool is_quoted(const std::string &text, size_t at, size_t length, const std::string &name) {
    constexpr char openings[] = "\"'`([<", closings[] = "\"'`)]>";
    const char *opening = at == 0 ? nullptr : strchr(openings, text[at - 1]);
    bool closed = opening != nullptr && *opening != '\0' && at + length < text.size() &&
                  text[at + length] == closings[opening - openings];
    if (closed || is_word(text, at + length))
        return closed;
    return ends_with(text, at, "=") || ends_with(text, at, name + ": ") || ends_with(text, at, name + " ") ||
           ends_with(text, at, name + " = ");
}

} // namespace

void Redactor::hide(const std::string &name, const std::string &value, const std::string &ordinary_texts) {
    if (value.empty() || (properties_is_plain(value) && !is_credential(name)))
        return;
    hidden_.push_back({value, name, ordinary_texts.find(lower(value)) != std::string::npos});
}

void Redactor::learn(const std::vector<FileProperty> &properties) {
    hidden_.clear();
    std::string texts;
    for (const FileProperty &property : properties) {
        if (is_harmless(property.name))
            continue;
        if (texts.empty())
            texts = ordinary_texts();
        const std::string &value = property.value;
        hide(property.name, value, texts);
        // An error text of librdkafka or OpenSSL can quote one element of a list, or one line of a PEM key.
        // So hide each element and each line too.
        for (size_t begin = 0, end; begin < value.size(); begin = end + 1) {
            end = std::min(value.find_first_of(separators, begin), value.find("\\n", begin));
            end = std::min(end, value.size());
            if (begin > 0 || end < value.size())
                hide(property.name, value.substr(begin, end - begin), texts);
            if (value.compare(end, 2, "\\n") == 0)
                end++;
        }
    }
    std::stable_sort(hidden_.begin(), hidden_.end(), [](const Hidden &left, const Hidden &right) {
        return left.value.size() > right.value.size();
    });
}

// Returns the hidden value that begins at `at`, and sets *length to the length of the value in the text. If
// the text was cut inside the value, this length is shorter than the value.
const Redactor::Hidden *Redactor::find_at(const std::string &text, size_t at, size_t *length) const {
    for (const Hidden &hidden : hidden_) {
        const std::string &value = hidden.value;
        size_t left = text.size() - at;
        *length = std::min(value.size(), left);
        if (text.compare(at, *length, value, 0, *length) != 0)
            continue;
        bool cut = left < value.size();
        if (cut && (left < tail_min || hidden.ordinary))
            continue;
        // if a short value is a part of a longer word, the text has the value by chance
        bool stands_alone = !(at > 0 && is_word(text, at - 1) && is_word(text, at)) &&
                            (cut || !(is_word(text, at + *length) && is_word(text, at + *length - 1)));
        constexpr size_t long_enough = 8;
        bool found = hidden.ordinary ? is_quoted(text, at, *length, hidden.name)
                                     : stands_alone || *length >= long_enough;
        if (found)
            return &hidden;
    }
    return nullptr;
}

std::string Redactor::redact(const std::string &text) const {
    std::string result;
    for (size_t at = 0, length; at < text.size(); at += length) {
        const Hidden *hidden = find_at(text, at, &length);
        if (hidden == nullptr) {
            result += text[at];
            length = 1;
        } else {
            result += '(' + hidden->name + ')';
        }
    }
    return result;
}

void Redactor::show(char *to, size_t size, const char *text) const noexcept {
    try {
        utf8_copy(to, size, redact(text == nullptr ? "" : text).c_str());
    } catch (...) {
        utf8_copy(to, size, "out of memory while removing secrets from librdkafka's text");
    }
}

} // namespace heartbeat
