// Fuzzing: each list of URLs is refused with a reason, or all of its URLs are legal. A reason shows no
// password.
#include "registry/registry_urls.h"
#include "require.h"

#include <cstring>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    using namespace heartbeat;
    const std::string_view list(reinterpret_cast<const char *>(data), size);
    RegistryUrls urls;
    char reason[200];
    memset(reason, '#', sizeof(reason));
    if (!registry_urls_split(list, &urls, reason, sizeof(reason))) {
        require(strnlen(reason, sizeof(reason)) < sizeof(reason) && reason[0] != '\0');
        for (const char *c = reason; *c != '\0'; c++)
            require(*c >= ' ' && *c <= '~');
        require(list.find('@') == std::string_view::npos || strstr(reason, "has a user name") != nullptr);
        return 0;
    }
    require(urls.count > 0 && urls.count <= registry_urls_max);
    for (size_t i = 0; i < urls.count; i++) {
        const std::string_view url = urls.urls[i];
        require(url.size() <= registry_url_size_max && url.find("://") != std::string_view::npos);
        require(url.find_first_of("@?#\\\"<> \t\r\n,") == std::string_view::npos);
    }
    return 0;
}
