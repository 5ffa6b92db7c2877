// Generator: the source of messages that writes simulated readings with a template. make_source.cpp uses this
// source for --template and --preset.
#pragma once

#include "encoding.h"
#include "message.h"
#include "message_template.h"
#include "simulate_message.h"

#include <random>
#include <string>
#include <vector>

namespace heartbeat::generator {

class TemplateSource : public Source {
  public:
    TemplateSource(MessageTemplate layout, const MessageSettings &settings, MessageEncoding encoding = {});

    // Kafka's timestamp is the time of the newest reading.
    SourceState next(Message *message) override;

  private:
    // Writes the value or the key of a message into *out.
    void write(const std::vector<Step> &steps, const PartEncoding &encoding, std::string *out);

    MessageTemplate layout_;
    MessageEncoding encoding_;
    MessageSimulator simulator_;
    // Makes UUIDs. The simulator has its own generator of random numbers, so a seed gives the same heart
    // rates with every template, even if the template has UUIDs.
    std::mt19937_64 random_;
    MessageReadings readings_;
    std::string key_;
    std::string payload_;
    std::vector<Header> headers_;
};

} // namespace heartbeat::generator
