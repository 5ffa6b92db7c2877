// Checks and splits a list with the schema registries of a source. The extension calls this file for each new
// source, and the module heartbeat_formats calls this file for each request. This file needs no other file of
// src/registry.
#pragma once

#include <cstddef>
#include <string_view>

namespace heartbeat {

inline constexpr size_t registry_urls_max = 8;
inline constexpr size_t registry_url_size_max = 1024;
inline constexpr size_t registry_urls_bytes_max = 2000; // this size fits into a key of a PostgreSQL index

inline constexpr const char *registry_urls_legal =
    "Give a URL such as https://registry:8081 or http://registry:8080/apis/ccompat/v7, or at most 8 of them "
    "separated by commas. Credentials belong in the properties file.";

// The URLs of a list, without surrounding spaces and without `/` at the end. The views point into the list.
struct RegistryUrls {
    std::string_view urls[registry_urls_max];
    size_t count;
};

// Splits the list. Returns false if a URL is wrong, or if the list has no URL or too many URLs. `reason` then
// has an ASCII text about the mistake. The text never shows a user name or a password.
bool registry_urls_split(std::string_view list, RegistryUrls *urls, char *reason, size_t size) noexcept;

// Checks the list in the same way as registry_urls_split().
bool registry_urls_check(const char *list, char *reason, size_t size) noexcept;

} // namespace heartbeat
