// Explains why no messages of a partition arrive. The explanation uses the last answer about the topic and
// the last error of the broker that leads the partition. This file asks no broker.
#include "kafka/topic_leader.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"

namespace heartbeat {

namespace {

void print_broker(Consumer *consumer, int32_t id, char *text, size_t size) {
    auto found = consumer->questions.addresses.find(id);
    if (found == consumer->questions.addresses.end())
        utf8_print(text, size, "broker %d, whose address Kafka no longer gives,", id);
    else
        utf8_print(text, size, "broker %d (%s)", id, found->second.c_str());
}

} // namespace

int32_t topic_leader(Consumer *consumer, int32_t partition) noexcept {
    const auto &leaders = consumer->questions.leaders;
    return partition >= 0 && static_cast<size_t>(partition) < leaders.size()
               ? leaders[static_cast<size_t>(partition)].leader
               : no_leader;
}

void topic_describe_leader(Consumer *consumer, int32_t partition, const char *fallback,
                           Error *reason) noexcept {
    consumer->finish_ahead();
    const auto &leaders = consumer->questions.leaders;
    LeaderOf who = partition >= 0 && static_cast<size_t>(partition) < leaders.size()
                       ? leaders[static_cast<size_t>(partition)]
                       : LeaderOf{no_leader, no_leader};
    bool led = who.leader != no_leader;
    char broker[160];
    print_broker(consumer, led ? who.leader : who.replica, broker, sizeof(broker));
    const char *error = consumer->broker_errors.of(led ? who.leader : who.replica);
    if (!led && who.replica == no_leader)
        utf8_copy(reason->text, sizeof(reason->text), "it has no leader");
    else if (!led)
        utf8_print(reason->text, sizeof(reason->text),
                   "it has no leader, but %s has a replica of the partition%s%s", broker,
                   error[0] == '\0' ? "" : ": ", error);
    else if (error[0] != '\0')
        utf8_print(reason->text, sizeof(reason->text), "its leader, %s, cannot be reached: %s", broker,
                   error);
    else
        utf8_print(reason->text, sizeof(reason->text), "its leader, %s, %s", broker, fallback);
}

} // namespace heartbeat
