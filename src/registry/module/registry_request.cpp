// Asks the registries of a list one after the other. Before this file asks a registry, it divides the
// remaining time equally among this registry and the registries after it. So a registry that does not answer
// leaves time for the next registries. If a registry fails in the middle of a request, this file asks the
// next registry for all schemas again. That registry can have other versions of the schemas.
#include "registry/module/registry_request.h"

#include "decode/utf8_text.h"
#include "registry/module/registry_references.h"
#include "registry/module/registry_transfer.h"
#include "registry/registry_urls.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace heartbeat {

namespace {

using std::chrono::milliseconds;

constexpr long status_found = 200;
constexpr long status_not_found = 404;
constexpr int64_t error_unknown_id = 40403; // Confluent's error_code for "Schema not found"

} // namespace

struct RegistryRequest {
    RegistryRequest(const char *list, const RegistryOptions &from, uint32_t schema_id);

    void step(int timeout_ms);
    void give_up(const char *why);

    RegistryState state = RegistryState::waiting;
    RegistrySchemaType type = RegistrySchemaType::avro;
    std::string schema;
    std::vector<NamedText> named;
    char reason[registry_reason_size] = "";

  private:
    void begin_url();
    void begin_transfer();
    void next_url(const char *why);
    void accept();
    const char *accept_schema();
    void finish();
    int time_left() const;

    uint32_t id;
    std::vector<std::string> urls;
    TransferOptions options;
    size_t url = 0;
    RegistryClock::time_point deadline = RegistryClock::now() + milliseconds(registry_call_ms);
    RegistryClock::time_point url_deadline;
    size_t asked = RegistryReferences::root;
    std::optional<RegistryTransfer> transfer; // empty: the URL has no transfer yet, or the request is over
    RegistryReferences references;
};

namespace {

// All requests that registry_forget() has not freed yet. Only the main thread uses this set.
std::set<RegistryRequest *> &all_requests() {
    // never freed, so the exit of the process runs no destructor for this set
    static auto *requests = new std::set<RegistryRequest *>;
    return *requests;
}

} // namespace

RegistryRequest::RegistryRequest(const char *list, const RegistryOptions &from, uint32_t schema_id)
    : id(schema_id) {
    RegistryUrls split;
    char mistake[registry_reason_size];
    std::string problem = transfer_options_read(from, &options);
    if (!registry_urls_split(list, &split, mistake, sizeof(mistake)))
        give_up(mistake);
    else if (!problem.empty())
        give_up(problem.c_str());
    else
        urls.assign(split.urls, split.urls + split.count);
}

int RegistryRequest::time_left() const {
    auto left = std::chrono::ceil<milliseconds>(url_deadline - RegistryClock::now());
    return static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
}

void RegistryRequest::give_up(const char *why) {
    if (reason[0] == '\0')
        utf8_copy(reason, sizeof(reason), why);
    state = RegistryState::unavailable;
    transfer.reset();
}

void RegistryRequest::begin_url() {
    auto now = RegistryClock::now();
    auto shares = static_cast<RegistryClock::rep>(urls.size() - url);
    url_deadline = now + (deadline - now) / shares;
    references = {};
    transfer.emplace(options);
    begin_transfer();
}

void RegistryRequest::begin_transfer() {
    asked = references.next();
    std::string text = urls[url];
    if (asked == RegistryReferences::root) {
        text += "/schemas/ids/" + std::to_string(id);
    } else {
        const AnswerReference &reference = references.reference(asked);
        text += "/subjects/";
        registry_path_append(&text, reference.subject);
        text += "/versions/" + std::to_string(reference.version);
    }
    if (!transfer->start(text))
        next_url(transfer->reason().c_str());
}

// Adds the reason why this URL failed to the reasons of the previous URLs.
void RegistryRequest::next_url(const char *why) {
    std::string reasons = std::string(reason) + (reason[0] == '\0' ? "" : "; ") + urls[url] + ": " + why;
    utf8_copy(reason, sizeof(reason), reasons.c_str());
    transfer.reset();
    if (++url == urls.size() || RegistryClock::now() >= deadline)
        give_up("");
}

void RegistryRequest::finish() {
    std::vector<size_t> order;
    const char *mistake = references.sort(&order);
    if (mistake != nullptr) {
        next_url(mistake);
        return;
    }
    const RegisteredSchema &root = references.schema(RegistryReferences::root);
    type = root.type;
    schema = root.text;
    for (size_t index : order)
        named.push_back({references.reference(index).name, references.schema(index).text});
    state = RegistryState::found;
    transfer.reset();
}

const char *RegistryRequest::accept_schema() {
    RegisteredSchema parsed;
    const char *mistake = registry_answer_parse(transfer->body(), &parsed);
    return mistake == nullptr ? references.store(asked, std::move(parsed)) : mistake;
}

void RegistryRequest::accept() {
    long status = transfer->status();
    if (status == status_found) {
        const char *mistake = accept_schema();
        if (mistake != nullptr)
            next_url(mistake);
        else if (references.next() == references.size())
            finish();
        else
            begin_transfer();
        return;
    }
    int64_t code = registry_answer_error(transfer->body());
    if (status == status_not_found && code == error_unknown_id && asked == RegistryReferences::root) {
        state = RegistryState::unknown_id;
        transfer.reset();
        return;
    }
    // the reason does not show the text of the answer, because the text can repeat the credentials
    std::string why = "the registry has answered with HTTP status " + std::to_string(status);
    if (code != 0)
        why += " and error_code " + std::to_string(code);
    if (asked != RegistryReferences::root)
        why += " when asked for a schema that this schema refers to";
    // a registry without the schema answers with an error_code such as 40403; without such a code, the path
    // of the URL is probably wrong
    if (status == status_not_found && (code == 0 || code == status_not_found))
        why += "; check the path of the URL";
    next_url(why.c_str());
}

void RegistryRequest::step(int timeout_ms) {
    if (!transfer.has_value())
        begin_url();
    if (!transfer.has_value())
        return;
    TransferState done = transfer->step(std::min(std::max(timeout_ms, 0), time_left()));
    if (time_left() == 0) // the registry can have sent a part of the answer, but the answer is too slow
        next_url("the registry has not answered in time");
    else if (done == TransferState::answered)
        accept();
    else if (done == TransferState::failed)
        next_url(transfer->reason().c_str());
}

RegistryRequest *registry_begin(const char *urls, const RegistryOptions *options, uint32_t id) noexcept {
    try {
        auto request = std::make_unique<RegistryRequest>(urls, *options, id);
        all_requests().insert(request.get());
        return request.release();
    } catch (...) {
        return nullptr;
    }
}

RegistryState registry_poll(RegistryRequest *request, int timeout_ms) noexcept {
    try {
        if (request->state == RegistryState::waiting)
            request->step(timeout_ms);
    } catch (...) {
        request->give_up("no memory is left");
    }
    return request->state;
}

RegistryAnswer registry_answer(const RegistryRequest *request) noexcept {
    return {request->state,        request->type,         request->schema,
            request->named.data(), request->named.size(), request->reason};
}

void registry_forget(RegistryRequest *request) noexcept {
    if (request == nullptr)
        return;
    all_requests().erase(request);
    delete request;
}

void registry_forget_all() noexcept {
    while (!all_requests().empty())
        registry_forget(*all_requests().begin());
}

} // namespace heartbeat
