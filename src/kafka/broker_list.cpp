// Checks each address of a list of bootstrap servers. Splits the list at commas and ignores the spaces before
// an address, as librdkafka does. An IPv6 address in brackets can have a port after the closing bracket. Any
// other address with a port has only one colon.
#include "kafka/broker_list.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace heartbeat {

namespace {

using std::string_view;

constexpr size_t shown_max = 80;
constexpr size_t host_max = 255; // librdkafka's buffer for a host has this size
constexpr int port_max = 65535;
constexpr size_t port_digits_max = 9;

// The address as the error text shows it: at most shown_max characters, and a `?` for each character that is
// not printable ASCII.
struct Shown {
    char text[shown_max + sizeof("...")];
    explicit Shown(string_view address) {
        size_t size = std::min(address.size(), shown_max);
        for (size_t i = 0; i < size; i++)
            text[i] = address[i] >= ' ' && address[i] <= '~' ? address[i] : '?';
        snprintf(text + size, sizeof(text) - size, "%s", address.size() > size ? "..." : "");
    }
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Bytes that are not ASCII are legal here, because only the resolver of host names can check them.
bool is_host_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0 ||
           strchr("-_.%", c) != nullptr;
}

bool is_ipv6(string_view text) {
    char copy[INET6_ADDRSTRLEN];
    size_t zone = text.find('%');
    string_view address = text.substr(0, zone);
    if (address.size() >= sizeof(copy) || (zone != string_view::npos && zone + 1 == text.size()))
        return false;
    memcpy(copy, address.data(), address.size());
    copy[address.size()] = '\0';
    in6_addr parsed;
    return inet_pton(AF_INET6, copy, &parsed) == 1;
}

const char *port_mistake(string_view port) {
    if (port.empty())
        return "its port is empty";
    bool digits = std::all_of(port.begin(), port.end(), is_digit);
    int number = 0;
    for (char c : port.substr(0, port_digits_max))
        number = digits ? number * 10 + (c - '0') : 0;
    if (!digits)
        return "its port is not a number";
    return number < 1 || number > port_max || port.size() > port_digits_max
               ? "its port is not in the range 1 to 65535"
               : nullptr;
}

const char *host_mistake(string_view host) {
    if (host.empty())
        return "its host is missing";
    if (host.size() > host_max)
        return "its host has more than 255 characters";
    return std::all_of(host.begin(), host.end(), is_host_char) ? nullptr
                                                               : "its host has an illegal character";
}

const char *bracket_mistake(string_view address) {
    size_t close = address.find(']');
    if (close == string_view::npos)
        return "a bracket is not closed";
    if (!is_ipv6(address.substr(1, close - 1)))
        return "its brackets have no IPv6 address inside";
    string_view rest = address.substr(close + 1);
    if (rest.empty())
        return nullptr;
    return rest[0] == ':' ? port_mistake(rest.substr(1)) : "only a colon and a port may follow its brackets";
}

// Returns the mistake in the address, or nullptr if the address has no mistake.
const char *address_mistake(string_view address) {
    if (address.find("://") != string_view::npos)
        return "it begins with a protocol, which you set with security.protocol";
    if (address.find('/') != string_view::npos)
        return "it has a path";
    if (address.find('@') != string_view::npos)
        return "it has a user name, which you set with sasl.username";
    if (address[0] == '[')
        return bracket_mistake(address);
    size_t colon = address.find(':');
    if (colon == string_view::npos)
        return host_mistake(address);
    if (address.find(':', colon + 1) != string_view::npos)
        return is_ipv6(address) ? nullptr : "it has two colons and is not an IPv6 address";
    const char *mistake = host_mistake(address.substr(0, colon));
    return mistake != nullptr ? mistake : port_mistake(address.substr(colon + 1));
}

// Removes the spaces before an address, and the spaces after a port or a closing bracket. librdkafka ignores
// these spaces.
string_view trim(string_view address) {
    address.remove_prefix(std::min(address.find_first_not_of(' '), address.size()));
    size_t last = address.find_last_not_of(' ');
    if (last != string_view::npos && (is_digit(address[last]) || address[last] == ']') &&
        address.find(':') != string_view::npos)
        address = address.substr(0, last + 1);
    return address;
}

} // namespace

bool broker_list_check(const char *list, char *reason, size_t size) noexcept {
    string_view rest(list);
    size_t addresses = 0;
    while (!rest.empty()) {
        size_t comma = std::min(rest.find(','), rest.size());
        string_view address = trim(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (address.empty())
            continue;
        addresses++;
        const char *mistake = address_mistake(address);
        if (mistake == nullptr)
            continue;
        snprintf(reason, size, "\"%s\" is not the address of a broker: %s.", Shown(address).text, mistake);
        return false;
    }
    if (addresses == 0)
        snprintf(reason, size, "The list has no address of a broker.");
    return addresses > 0;
}

} // namespace heartbeat
