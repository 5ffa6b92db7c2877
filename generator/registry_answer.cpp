// Generator, schema registry: reads the answer of a schema registry.
#include "registry_answer.h"

#include "schema_registry.h"

#include <jansson.h>
#include <memory>

namespace heartbeat::generator {

namespace {

constexpr size_t longest_reason = 300;

struct JsonDestroy {
    void operator()(json_t *json) const { json_decref(json); }
};

void hide(const std::string &secret, std::string *text) {
    constexpr std::string_view hidden = "***";
    for (size_t at = 0; !secret.empty() && (at = text->find(secret, at)) != std::string::npos;
         at += hidden.size())
        text->replace(at, secret.size(), hidden);
}

std::string shown(std::string text, const RegistrySettings &settings) {
    hide(settings.user_info, &text);
    hide(settings.user_info.substr(settings.user_info.find(':') + 1), &text);
    hide(settings.bearer_token, &text);
    text.resize(std::min(text.size(), longest_reason));
    for (char &c : text)
        c = c >= ' ' && c <= '~' ? c : '?';
    return text;
}

} // namespace

uint32_t registry_answer_id(long status, const std::string &answer, const RegistrySettings &settings) {
    json_error_t error;
    const std::unique_ptr<json_t, JsonDestroy> json(json_loadb(answer.data(), answer.size(), 0, &error));
    const json_t *id = json_object_get(json.get(), "id");
    if (status == 200 && json_is_integer(id) && json_integer_value(id) >= 0 &&
        json_integer_value(id) <= INT32_MAX)
        return static_cast<uint32_t>(json_integer_value(id));
    const char *message = json_string_value(json_object_get(json.get(), "message"));
    std::string reason = "the registry answered with HTTP status " + std::to_string(status);
    if (message != nullptr)
        reason += ": " + shown(message, settings);
    else if (status == 200)
        reason += ", but without the id of the schema";
    throw RegistryError(reason);
}

} // namespace heartbeat::generator
