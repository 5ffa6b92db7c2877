// Keeps the most severe error of all brokers, and the last error of each broker. librdkafka's error texts
// begin with the name of the broker, which contains the broker's id. consumer_client.cpp calls this file for
// each error that librdkafka's error callback has reported.
#include "kafka/broker_errors.h"

#include "decode/utf8_text.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

namespace {

// While the cause of an error lasts, librdkafka reports the error every 30 seconds. So an error is over if
// librdkafka has not reported it for 60 seconds.
constexpr std::chrono::seconds kept_for{60};

// Returns how severe the error is. 0: the error shows only that a connection has ended. 1: the error shows
// why librdkafka could not connect. 2: the broker refused the client.
int rank_of(int error, const char *text) {
    bool refusal = error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL ||
                   error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
                   error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    constexpr const char ended[] = ": Disconnected";
    size_t size = strlen(text);
    bool bare = size >= sizeof(ended) - 1 && strcmp(text + size - (sizeof(ended) - 1), ended) == 0;
    return refusal ? 2 : bare ? 0 : 1;
}

// Returns the length of the text without its end "(after ...)". This end has a duration and a count, which
// can differ between two reports of the same error.
int length_without_times(const char *text) {
    const char *times = strstr(text, " (after ");
    return static_cast<int>(times == nullptr ? strlen(text) : static_cast<size_t>(times - text));
}

// librdkafka's text about a broker begins with the broker's name: "host:port/id: ...". Sets the broker's id,
// and returns the text after the name. Returns nullptr if the text does not begin with the name of a broker.
const char *take_id(const char *text, int32_t *id) {
    const char *end = strstr(text, ": ");
    const char *digit = end;
    while (digit != nullptr && digit > text && isdigit(static_cast<unsigned char>(digit[-1])) != 0)
        digit--;
    if (digit == end || digit == text || digit[-1] != '/')
        return nullptr;
    *id = static_cast<int32_t>(strtol(digit, nullptr, 10));
    return end + 2;
}

} // namespace

const char *BrokerErrors::of(int32_t broker) const noexcept {
    for (const Broker &one : brokers_)
        if (one.id == broker && broker >= 0)
            return one.text;
    return "";
}

void BrokerErrors::forget(int32_t broker) noexcept {
    for (Broker &one : brokers_)
        if (one.id == broker)
            one = {};
}

void BrokerErrors::hear_of_broker(const char *text) noexcept {
    int32_t id;
    const char *said = take_id(text, &id);
    if (said == nullptr)
        return;
    Broker *broker = nullptr;
    for (Broker &one : brokers_)
        if (one.id == id)
            broker = &one;
    if (broker == nullptr) {
        broker = &brokers_[next_];
        next_ = (next_ + 1) % brokers_kept;
    }
    broker->id = id;
    utf8_copy(broker->text, sizeof(broker->text), said);
}

void BrokerErrors::hear(int error, const char *text, Time now) noexcept {
    char fresh[sizeof(text_)];
    utf8_print(fresh, sizeof(fresh), "%.*s", length_without_times(text), text);
    hear_of_broker(fresh);
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
