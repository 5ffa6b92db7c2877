// Stream half: keeps the worst error of the brokers.
#include "stream/broker_errors.h"

#include "stream/text.h"

#include <cstdio>
#include <cstring>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

namespace {

// librdkafka repeats an error that stays the same every 30 seconds.
constexpr std::chrono::seconds kept_for{60};

// How much a person learns from it: nothing but that a connection has ended, why it could not be made, that
// it was refused.
int rank_of(int error, const char *text) {
    bool refusal = error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL ||
                   error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
                   error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    constexpr const char ended[] = ": Disconnected";
    size_t size = strlen(text);
    bool bare = size >= sizeof(ended) - 1 && strcmp(text + size - (sizeof(ended) - 1), ended) == 0;
    return refusal ? 2 : bare ? 0 : 1;
}

// How long it took and how often it happened would make each one another text.
int length_without_times(const char *text) {
    const char *times = strstr(text, " (after ");
    return static_cast<int>(times == nullptr ? strlen(text) : static_cast<size_t>(times - text));
}

} // namespace

void BrokerErrors::hear(int error, const char *text, Time now) noexcept {
    char fresh[sizeof(text_)];
    utf8_print(fresh, sizeof(fresh), "%.*s", length_without_times(text), text);
    bool same = strcmp(fresh, text_) == 0;
    bool worse = text_[0] == '\0' || rank_of(error, fresh) > rank_ || now > heard_at_ + kept_for;
    if (!same && !worse)
        return;
    memcpy(text_, fresh, sizeof(text_));
    rank_ = rank_of(error, fresh);
    heard_at_ = now;
}

void BrokerErrors::forget() noexcept {
    text_[0] = '\0';
    rank_ = 0;
}

} // namespace heartbeat
