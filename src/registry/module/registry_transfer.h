// Gets the answers of a registry with libcurl. registry_request.cpp makes a RegistryTransfer for each URL,
// and calls start() for each answer that it needs. Only the module has this code.
#pragma once

#include "registry/formats_module.h"

#include <chrono>
#include <curl/curl.h>
#include <memory>
#include <string>

namespace heartbeat {

using RegistryClock = std::chrono::steady_clock;

// The options of all transfers of a request, with the contents of the PEM files.
struct TransferOptions {
    std::string user;
    std::string password;
    std::string bearer_token;
    std::string ca; // PEM texts
    std::string certificate;
    std::string key;
    std::string key_password;
    bool check_host = true;
};

// Copies the options, and reads the files that the options name. Returns an empty text, or a text about the
// fault. Throws std::bad_alloc.
std::string transfer_options_read(const RegistryOptions &from, TransferOptions *to);

enum class TransferState { running, answered, failed };

// The connection of a request to one URL. The transfers from this URL use the connection one after the other.
class RegistryTransfer {
  public:
    explicit RegistryTransfer(TransferOptions options) : options_(std::move(options)) {}
    ~RegistryTransfer() { stop(); }
    RegistryTransfer(const RegistryTransfer &) = delete;
    RegistryTransfer &operator=(const RegistryTransfer &) = delete;

    // Begins a transfer from the URL. If libcurl refuses an option, or if no memory is left, returns false,
    // and reason() returns the cause.
    bool start(const std::string &url);

    // Works on the transfer for at most `timeout_ms`.
    TransferState step(int timeout_ms);

    void stop() noexcept; // ends the transfer and closes its connection

    long status() const { return status_; } // the HTTP status
    const std::string &body() const { return body_; }
    const std::string &reason() const { return reason_; } // the cause of a failure, for a person

  private:
    static size_t take(const char *bytes, size_t size, size_t count, void *transfer) noexcept;
    static size_t skip_header(const char *bytes, size_t size, size_t count, void *transfer) noexcept;
    bool set_options(const std::string &url);
    bool set_credentials();
    bool set_certificates();
    TransferState finish(CURLcode code);

    TransferOptions options_;
    CURLM *multi_ = nullptr;
    CURL *easy_ = nullptr;
    curl_slist *headers_ = nullptr;
    std::string body_;
    size_t header_size_ = 0;
    const char *refusal_ = nullptr; // if take() or skip_header() has ended the transfer: the reason
    long status_ = 0;
    std::string reason_;
    char curl_error_[CURL_ERROR_SIZE] = "";
};

} // namespace heartbeat
