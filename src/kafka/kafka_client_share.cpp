// Keeps a list of the clients that the consumers of this process can share.
#include "decode/utf8_text.h"
#include "kafka/kafka_client.h"

#include <algorithm>

namespace heartbeat {

namespace {

struct Shared {
    std::string key;
    std::weak_ptr<KafkaClient> client;
};
std::vector<Shared> shared; // only the main thread uses this list

// Returns the key of a client: one text that has four settings of the client, with a zero byte after each
// setting. Consumers with equal keys can share a client.
std::string key_of(const KafkaSettings &settings) {
    std::string key;
    for (const char *text : {settings.brokers, settings.config_file, settings.group_id, settings.client_id}) {
        key += text;
        key += '\0';
    }
    return key;
}

} // namespace

std::shared_ptr<KafkaClient> kafka_client_share(const KafkaSettings &settings, const WakePipe &pipe,
                                                Error *error) {
    shared.erase(
        std::remove_if(shared.begin(), shared.end(), [](const Shared &one) { return one.client.expired(); }),
        shared.end());
    std::string key = key_of(settings);
    for (const Shared &one : shared) {
        std::shared_ptr<KafkaClient> client = one.client.lock();
        if (client != nullptr && one.key == key && !client->is_taken(settings.topic))
            return client;
    }
    auto client = std::make_shared<KafkaClient>();
    if (!client->open(settings, std::make_shared<Wake>(WakeTarget{&pipe, every_consumer}), error))
        return nullptr;
    shared.push_back({key, client});
    return client;
}

void kafka_client_retire(const KafkaClient *client) noexcept {
    shared.erase(std::remove_if(shared.begin(), shared.end(),
                                [=](const Shared &one) { return one.client.lock().get() == client; }),
                 shared.end());
}

} // namespace heartbeat
