// Generator: the source of messages that writes simulated readings with a template.
#include "template_source.h"

#include <algorithm>
#include <utility>

namespace heartbeat::generator {

TemplateSource::TemplateSource(MessageTemplate layout, const MessageSettings &settings)
    : layout_(std::move(layout)), simulator_(settings), random_(~settings.simulation.seed) {
    for (const HeaderTemplate &header : layout_.headers)
        headers_.push_back({header.name, {}});
}

SourceState TemplateSource::next(Message *message) {
    if (!simulator_.next(&readings_))
        return SourceState::end;
    payload_.clear();
    template_write(layout_.value, readings_, &random_, &payload_);
    key_.clear();
    if (layout_.key)
        template_write(*layout_.key, readings_, &random_, &key_);
    for (size_t i = 0; i < headers_.size(); i++) {
        headers_[i].value.clear();
        template_write(layout_.headers[i].value, readings_, &random_, &headers_[i].value);
    }
    message->key = key_;
    message->has_key = layout_.key.has_value();
    message->payload = payload_;
    message->headers = headers_;
    // 0 would mean the present time
    message->timestamp_ms = std::max<int64_t>(readings_.samples.back().time / 1000, 1);
    return SourceState::message;
}

} // namespace heartbeat::generator
