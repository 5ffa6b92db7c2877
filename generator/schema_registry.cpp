// Generator, schema registry: registers a schema, with libcurl. A build without libcurl refuses
// --schema-registry.
#include "schema_registry.h"

#ifdef HEARTBEAT_WITHOUT_CURL

namespace heartbeat::generator {

uint32_t schema_registry_register(const std::string &, const RegistrySettings &, const std::string &,
                                  const std::string &, const std::string &) {
    throw RegistryError("--schema-registry: this heartbeat-generator was built without libcurl, so it cannot "
                        "ask a schema registry. Give --schema-id, or build it with libcurl");
}

} // namespace heartbeat::generator

#else

#include "registry_answer.h"
#include "stop.h"

#include <curl/curl.h>
#include <jansson.h>

#include <cstdlib>
#include <memory>

namespace heartbeat::generator {

namespace {

constexpr long connect_ms = 5000;
constexpr long total_ms = 10'000;
constexpr size_t most_answer_bytes = size_t{64} * 1024;

template <auto destroy> struct Destroy {
    template <typename Object> void operator()(Object *object) const { destroy(object); }
};
using Curl = std::unique_ptr<CURL, Destroy<curl_easy_cleanup>>;
using CurlHeaders = std::unique_ptr<curl_slist, Destroy<curl_slist_free_all>>;
using CurlText = std::unique_ptr<char, Destroy<curl_free>>;
using Json = std::unique_ptr<json_t, Destroy<json_decref>>;

size_t take_answer(char *bytes, size_t /*one*/, size_t size, void *answer) {
    auto *text = static_cast<std::string *>(answer);
    if (text->size() + size > most_answer_bytes)
        return 0; // the result 0 makes libcurl end the call
    text->append(bytes, size);
    return size;
}

int stop_if_requested(void * /*data*/, curl_off_t /*all*/, curl_off_t /*received*/, curl_off_t /*to_send*/,
                      curl_off_t /*sent*/) {
    return stop_requested() ? 1 : 0;
}

std::string request_of(const std::string &schema, const std::string &type) {
    const Json request(
        json_pack("{s:s%, s:s}", "schema", schema.data(), schema.size(), "schemaType", type.c_str()));
    const std::unique_ptr<char, Destroy<free>> text(request ? json_dumps(request.get(), JSON_COMPACT)
                                                            : nullptr);
    if (!text)
        throw RegistryError("--schema-registry: the schema is not valid UTF-8");
    return text.get();
}

void set_credentials(CURL *curl, const RegistrySettings &settings) {
    if (!settings.user_info.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERPWD, settings.user_info.c_str());
    }
    if (!settings.bearer_token.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, settings.bearer_token.c_str());
    }
    if (!settings.ca_file.empty())
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings.ca_file.c_str());
    if (!settings.certificate_file.empty())
        curl_easy_setopt(curl, CURLOPT_SSLCERT, settings.certificate_file.c_str());
    if (!settings.key_file.empty())
        curl_easy_setopt(curl, CURLOPT_SSLKEY, settings.key_file.c_str());
}

void set_limits(CURL *curl) {
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, total_ms);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_if_requested);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
#endif
}

std::string address_of(CURL *curl, std::string url, const std::string &subject) {
    while (!url.empty() && url.back() == '/')
        url.pop_back();
    const CurlText escaped(curl_easy_escape(curl, subject.c_str(), static_cast<int>(subject.size())));
    return url + "/subjects/" + (escaped ? escaped.get() : "") + "/versions";
}

// Sends the request, and returns the id. After a failure, throws a RegistryError without the address, because
// the caller adds the address.
uint32_t post(const std::string &url, const RegistrySettings &settings, const std::string &subject,
              const std::string &request) {
    const Curl curl(curl_easy_init());
    const CurlHeaders headers(
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/vnd.schemaregistry.v1+json"),
                          "Accept: application/vnd.schemaregistry.v1+json, application/json"));
    if (!curl || !headers)
        throw RegistryError("libcurl has no memory");
    std::string answer;
    char reason[CURL_ERROR_SIZE] = "";
    set_limits(curl.get());
    set_credentials(curl.get(), settings);
    curl_easy_setopt(curl.get(), CURLOPT_URL, address_of(curl.get(), url, subject).c_str());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.data());
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);

    const CURLcode code = curl_easy_perform(curl.get());
    if (code == CURLE_ABORTED_BY_CALLBACK)
        throw RegistryError("stopped before the registry answered");
    if (code == CURLE_WRITE_ERROR)
        throw RegistryError("the answer is longer than 64 KiB");
    if (code != CURLE_OK)
        throw RegistryError(*reason != '\0' ? reason : curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return registry_answer_id(status, answer, settings);
}

} // namespace

uint32_t schema_registry_register(const std::string &urls, const RegistrySettings &settings,
                                  const std::string &subject, const std::string &schema,
                                  const std::string &type) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK)
        throw RegistryError(std::string("--schema-registry: ") + curl_easy_strerror(ready));
    const std::string request = request_of(schema, type);
    std::string reasons;
    for (size_t at = 0, end = 0; at < urls.size() && !stop_requested(); at = end + 1) {
        end = std::min(urls.find(',', at), urls.size());
        const std::string url = urls.substr(at, end - at);
        try {
            return post(url, settings, subject, request);
        } catch (const RegistryError &error) {
            reasons += (reasons.empty() ? "" : "; ") + url + ": " + error.what();
        }
    }
    throw RegistryError("--schema-registry: the schema of " + subject +
                        " was not registered: " + (reasons.empty() ? "stopped" : reasons));
}

} // namespace heartbeat::generator

#endif
