// Checks each URL of a list. libcurl also accepts URLs that heartbeat refuses, such as a URL without a scheme
// or a URL with a password. This file accepts only URLs that every part of heartbeat understands in the same
// way.
#include "registry/registry_urls.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdio>
#include <cstring>
#include <strings.h>

namespace heartbeat {

namespace {

using std::string_view;

constexpr size_t shown_max = 80;
constexpr size_t host_max = 255;
constexpr int port_max = 65535;
constexpr size_t port_digits_max = 5;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_host_char(char c) {
    return is_digit(c) || is_letter(c) || (c != '\0' && strchr("-_.", c) != nullptr);
}

bool is_path_char(char c) {
    return is_host_char(c) || (c != '\0' && strchr("/~%!$&'()*+;=:", c) != nullptr);
}

string_view scheme_of(string_view url) {
    for (string_view scheme : {"http://", "https://"})
        if (url.size() > scheme.size() && strncasecmp(url.data(), scheme.data(), scheme.size()) == 0)
            return url.substr(0, scheme.size());
    return {};
}

const char *port_mistake(string_view port) {
    int number = 0;
    if (port.empty() || port.size() > port_digits_max || !std::all_of(port.begin(), port.end(), is_digit))
        return "its port is not a number from 1 to 65535";
    for (char c : port)
        number = number * 10 + (c - '0');
    return number < 1 || number > port_max ? "its port is not a number from 1 to 65535" : nullptr;
}

const char *bracket_mistake(string_view host) {
    size_t close = host.find(']');
    char copy[INET6_ADDRSTRLEN];
    string_view address = host.substr(1, close == string_view::npos ? 0 : close - 1);
    in6_addr parsed;
    // inet_pton() would take a zero byte for the end of the address, so check the characters first
    bool legal = address.find_first_not_of("0123456789abcdefABCDEF:.") == string_view::npos;
    if (address.empty() || address.size() >= sizeof(copy) || !legal)
        return "its brackets have no IPv6 address inside";
    memcpy(copy, address.data(), address.size());
    copy[address.size()] = '\0';
    if (inet_pton(AF_INET6, copy, &parsed) != 1)
        return "its brackets have no IPv6 address inside";
    string_view rest = host.substr(close + 1);
    if (rest.empty())
        return nullptr;
    return rest[0] == ':' ? port_mistake(rest.substr(1)) : "only a port may follow its brackets";
}

const char *host_mistake(string_view host) {
    if (!host.empty() && host[0] == '[')
        return bracket_mistake(host);
    size_t colon = host.find(':');
    string_view name = host.substr(0, colon);
    if (name.empty())
        return "its host is missing";
    if (name.size() > host_max)
        return "its host has more than 255 characters";
    if (!std::all_of(name.begin(), name.end(), is_host_char))
        return "its host has an illegal character";
    return colon == string_view::npos ? nullptr : port_mistake(host.substr(colon + 1));
}

const char *url_mistake(string_view url) {
    if (url.size() > registry_url_size_max)
        return "it has more than 1024 characters";
    if (url.find('?') != string_view::npos || url.find('#') != string_view::npos)
        return "it has a query or a fragment";
    string_view scheme = scheme_of(url);
    if (scheme.empty())
        return "it begins with neither http:// nor https://";
    string_view rest = url.substr(scheme.size());
    size_t slash = std::min(rest.find('/'), rest.size());
    string_view path = rest.substr(slash);
    if (!std::all_of(path.begin(), path.end(), is_path_char))
        return "its path has an illegal character";
    return host_mistake(rest.substr(0, slash));
}

// The form of a URL in an error text: at most shown_max characters of printable ASCII. The query and the
// fragment are missing, because both can contain a secret. If a part of the URL is missing, the text ends
// with "...".
struct Shown {
    char text[shown_max + sizeof("...")];
    explicit Shown(string_view url) {
        size_t end = std::min({url.size(), shown_max, url.find('?'), url.find('#')});
        for (size_t i = 0; i < end; i++)
            text[i] = url[i] >= ' ' && url[i] <= '~' ? url[i] : '?';
        snprintf(text + end, sizeof(text) - end, "%s", end < url.size() ? "..." : "");
    }
};

string_view trim(string_view url) {
    constexpr char spaces[] = " \t";
    size_t begin = std::min(url.find_first_not_of(spaces), url.size());
    url.remove_prefix(begin);
    return url.substr(0, url.find_last_not_of(spaces) + 1);
}

} // namespace

bool registry_urls_split(string_view list, RegistryUrls *urls, char *reason, size_t size) noexcept {
    urls->count = 0;
    // An @ means that the list probably has a password. A password can contain a comma, so each text between
    // two commas can be a part of a password. So this error text shows no part of the list.
    if (list.find('@') != string_view::npos) {
        snprintf(reason, size,
                 "A URL of the list has a user name. Credentials belong in the properties file, such as "
                 "schema.registry.basic.auth.user.info.");
        return false;
    }
    if (list.size() > registry_urls_bytes_max) {
        snprintf(reason, size, "The list has %zu bytes; expected at most %zu.", list.size(),
                 registry_urls_bytes_max);
        return false;
    }
    for (string_view rest = list; !rest.empty();) {
        size_t comma = std::min(rest.find(','), rest.size());
        string_view url = trim(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (url.empty())
            continue;
        const char *mistake = url_mistake(url);
        if (mistake == nullptr && urls->count == registry_urls_max)
            mistake = "the list has more than 8 URLs";
        if (mistake != nullptr) {
            snprintf(reason, size, "\"%s\" is not the URL of a schema registry: %s.", Shown(url).text,
                     mistake);
            return false;
        }
        urls->urls[urls->count++] = url.substr(0, url.find_last_not_of('/') + 1);
    }
    if (urls->count == 0)
        snprintf(reason, size, "The list has no URL of a schema registry.");
    return urls->count > 0;
}

bool registry_urls_check(const char *list, char *reason, size_t size) noexcept {
    RegistryUrls urls;
    return registry_urls_split(list, &urls, reason, size);
}

} // namespace heartbeat
