// Uses libcurl's multi interface, because its calls do not wait for the network longer than the caller
// allows. The answer of a registry can be slow, endless or hostile. So this file limits the size of each part
// of the answer, and registry_request.cpp limits the time. With CURLOPT_NOSIGNAL, libcurl does not handle
// SIGPIPE. This is safe because all processes of PostgreSQL ignore SIGPIPE.
#include "registry/module/registry_transfer.h"

#include "kafka/thread_guards.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace heartbeat {

namespace {

constexpr size_t body_size_max = 4 << 20; // the parser needs up to 15 times as much memory
constexpr size_t header_size_max = 256 << 10;

template <typename Value> bool set(CURL *easy, CURLoption option, Value value) {
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

// libcurl copies the text, so the caller can free the text.
bool set_blob(CURL *easy, CURLoption option, std::string &text) {
    curl_blob blob{text.data(), text.size(), CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

bool set_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return set(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

// Without CURLOPT_QUICK_EXIT, the end of a transfer waits for the system's resolver. This wait can take half
// a minute.
bool set_quick_exit([[maybe_unused]] CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    return set(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    return true;
#endif
}

// An error text of libcurl contains the duration of the attempt to connect. The error text becomes part of
// the reason that heartbeat shows for the source's state. This function removes the duration, so the reason
// stays the same if each attempt fails in the same way.
std::string without_duration(std::string text) {
    const size_t begin = text.find(" after "), digits = begin + strlen(" after ");
    if (begin == std::string::npos)
        return text;
    const size_t end = text.find_first_not_of("0123456789", digits);
    if (end != digits && end != std::string::npos && text.compare(end, 3, " ms") == 0)
        text.erase(begin, end + 3 - begin);
    return text;
}

} // namespace

size_t RegistryTransfer::take(const char *bytes, size_t size, size_t count, void *transfer) noexcept {
    auto self = static_cast<RegistryTransfer *>(transfer);
    size *= count;
    if (self->body_.size() + size > body_size_max) {
        self->refusal_ = "its answer is larger than 4 MiB";
        return 0;
    }
    try {
        self->body_.append(bytes, size);
    } catch (...) {
        self->refusal_ = "no memory is left for its answer";
        return 0;
    }
    return size;
}

size_t RegistryTransfer::skip_header(const char *, size_t size, size_t count, void *transfer) noexcept {
    auto self = static_cast<RegistryTransfer *>(transfer);
    self->header_size_ += size * count;
    if (self->header_size_ <= header_size_max)
        return size * count;
    self->refusal_ = "the header of its answer is larger than 256 KiB";
    return 0;
}

bool RegistryTransfer::set_credentials() {
    if (!options_.user.empty())
        return set(easy_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC)) &&
               set(easy_, CURLOPT_USERNAME, options_.user.c_str()) &&
               set(easy_, CURLOPT_PASSWORD, options_.password.c_str());
    if (!options_.bearer_token.empty())
        return set(easy_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER)) &&
               set(easy_, CURLOPT_XOAUTH2_BEARER, options_.bearer_token.c_str());
    return true;
}

// Gives libcurl the texts of the certificates, and not the paths of the files. If a path were a pipe, libcurl
// would wait.
bool RegistryTransfer::set_certificates() {
    // if the options have a CA, libcurl must not use the system's certificates
    if (!options_.ca.empty() && !(set(easy_, CURLOPT_CAINFO, static_cast<char *>(nullptr)) &&
                                  set(easy_, CURLOPT_CAPATH, static_cast<char *>(nullptr)) &&
                                  set_blob(easy_, CURLOPT_CAINFO_BLOB, options_.ca)))
        return false;
    if (!options_.certificate.empty() &&
        !(set_blob(easy_, CURLOPT_SSLCERT_BLOB, options_.certificate) &&
          set_blob(easy_, CURLOPT_SSLKEY_BLOB, options_.key) && set(easy_, CURLOPT_SSLCERTTYPE, "PEM") &&
          set(easy_, CURLOPT_SSLKEYTYPE, "PEM")))
        return false;
    // without CURLOPT_KEYPASSWD, OpenSSL would ask for a password on the terminal
    return set(easy_, CURLOPT_KEYPASSWD, options_.key_password.c_str()) &&
           set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
           set(easy_, CURLOPT_SSL_VERIFYPEER, 1L) &&
           set(easy_, CURLOPT_SSL_VERIFYHOST, options_.check_host ? 2L : 0L);
}

bool RegistryTransfer::set_options(const std::string &url) {
    headers_ = curl_slist_append(nullptr, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    return headers_ != nullptr && set(easy_, CURLOPT_HTTPHEADER, headers_) &&
           set(easy_, CURLOPT_ERRORBUFFER, curl_error_) && set_protocols(easy_) && set_quick_exit(easy_) &&
           set(easy_, CURLOPT_URL, url.c_str()) && set(easy_, CURLOPT_PATH_AS_IS, 1L) &&
           set(easy_, CURLOPT_FOLLOWLOCATION, 0L) &&
           set(easy_, CURLOPT_PROXY, "") && // libcurl ignores the environment variables for proxies
           set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) &&
           set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
           set(easy_, CURLOPT_NOSIGNAL, 1L) && set(easy_, CURLOPT_USERAGENT, "heartbeat") &&
           set(easy_, CURLOPT_WRITEFUNCTION, &take) && set(easy_, CURLOPT_WRITEDATA, this) &&
           set(easy_, CURLOPT_HEADERFUNCTION, &skip_header) && set(easy_, CURLOPT_HEADERDATA, this) &&
           set_credentials() && set_certificates();
}

bool RegistryTransfer::start(const std::string &url) {
    if (easy_ != nullptr) { // multi_ stays, so the next transfer can use the same connection
        curl_multi_remove_handle(multi_, easy_);
        curl_easy_cleanup(easy_);
        curl_slist_free_all(headers_);
        headers_ = nullptr;
    }
    body_.clear();
    header_size_ = 0;
    status_ = 0;
    refusal_ = nullptr;
    curl_error_[0] = '\0';
    if (multi_ == nullptr)
        multi_ = curl_multi_init();
    easy_ = multi_ == nullptr ? nullptr : curl_easy_init();
    if (easy_ != nullptr && set_options(url) && curl_multi_add_handle(multi_, easy_) == CURLM_OK)
        return true;
    reason_ = easy_ == nullptr ? "no memory is left" : "this version of libcurl lacks a needed option";
    return false;
}

TransferState RegistryTransfer::step(int timeout_ms) {
    int running = 0;
    CURLMcode result;
    {
        SignalsBlocked guard; // libcurl starts a thread, and this thread must get no signal
        result = curl_multi_perform(multi_, &running);
        if (result == CURLM_OK && running > 0 && timeout_ms > 0) {
            result = curl_multi_poll(multi_, nullptr, 0, timeout_ms, nullptr);
            if (result == CURLM_OK)
                result = curl_multi_perform(multi_, &running);
        }
    }
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi_, &left)) != nullptr;)
        if (message->msg == CURLMSG_DONE)
            return finish(message->data.result);
    if (result == CURLM_OK && running > 0)
        return TransferState::running;
    return finish(CURLE_FAILED_INIT);
}

TransferState RegistryTransfer::finish(CURLcode code) {
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status_);
    if (code == CURLE_OK)
        return TransferState::answered;
    reason_ = refusal_ != nullptr      ? refusal_
              : curl_error_[0] != '\0' ? without_duration(curl_error_)
                                       : curl_easy_strerror(code);
    return TransferState::failed;
}

void RegistryTransfer::stop() noexcept {
    if (easy_ != nullptr) {
        curl_multi_remove_handle(multi_, easy_);
        curl_easy_cleanup(easy_);
    }
    if (multi_ != nullptr)
        curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
    easy_ = nullptr;
    multi_ = nullptr;
    headers_ = nullptr;
}

} // namespace heartbeat
