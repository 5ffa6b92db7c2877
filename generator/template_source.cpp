// Generator: the source of messages that writes simulated readings with a template.
#include "template_source.h"

#include <algorithm>
#include <utility>

namespace heartbeat::generator {

TemplateSource::TemplateSource(MessageTemplate layout, const MessageSettings &settings,
                               MessageEncoding encoding)
    : layout_(std::move(layout)), encoding_(std::move(encoding)), simulator_(settings),
      random_(~settings.simulation.seed) {
    for (const HeaderTemplate &header : layout_.headers)
        headers_.push_back({header.name, {}});
}

SourceState TemplateSource::next(Message *message) {
    if (!simulator_.next(&readings_))
        return SourceState::end;
    write(layout_.value, encoding_.value, &payload_);
    if (layout_.key)
        write(*layout_.key, encoding_.key, &key_);
    for (size_t i = 0; i < headers_.size(); i++) {
        headers_[i].value.clear();
        template_write(layout_.headers[i].value, readings_, &random_, &headers_[i].value);
    }
    message->key = key_;
    message->has_key = layout_.key.has_value();
    message->payload = payload_;
    message->headers = headers_;
    // librdkafka would replace the time 0 with the present time, so the smallest time is 1
    message->timestamp_ms = std::max<int64_t>(readings_.samples.back().time / 1000, 1);
    return SourceState::message;
}

void TemplateSource::write(const std::vector<Step> &steps, const PartEncoding &encoding, std::string *out) {
    out->assign(encoding.prefix);
    if (encoding.plan)
        binary_write(*encoding.plan, readings_, &random_, out);
    else
        template_write(steps, readings_, &random_, out);
}

} // namespace heartbeat::generator
