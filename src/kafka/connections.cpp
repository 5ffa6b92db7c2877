// This file records when librdkafka makes and loses connections to brokers. librdkafka calls
// on_broker_state() on its own threads, so on_broker_state() and hear() never allocate memory, wait or take a
// lock.
#include "kafka/connections.h"

#include <cstring>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

namespace {

constexpr const char *interceptor_name = "heartbeat";

rd_kafka_resp_err_t on_broker_state(rd_kafka_t * /*client*/, int32_t broker, const char * /*protocol*/,
                                    const char * /*name*/, int port, const char *state, void *connections) {
    static_cast<Connections *>(connections)->hear(broker, port, state);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t * /*config*/, void *connections,
                           char * /*error*/, size_t /*size*/) {
    return rd_kafka_interceptor_add_on_broker_state_change(client, interceptor_name, on_broker_state,
                                                           connections);
}

} // namespace

bool Connections::watch(rd_kafka_conf_t *config, const WakeTarget &target) noexcept {
    wake = target;
    return rd_kafka_conf_interceptor_add_on_new(config, interceptor_name, on_new, this) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

// Ignores two kinds of connections, because no messages arrive over them. The first kind is a connection to a
// bootstrap server whose id librdkafka does not know yet: `broker` is -1. The second kind is a connection to
// a group coordinator: `port` is 0. If librdkafka has removed a broker and finds it again, it reports the new
// connection, but not the loss of the earlier connection. The function then counts the earlier connection as
// lost.
void Connections::hear(int32_t broker, int port, const char *state) noexcept {
    if (broker < 0 || port == 0)
        return;
    Slot &slot = slots[static_cast<uint32_t>(broker) % slot_count];
    if (strcmp(state, "DOWN") == 0)
        slot.lost_at = ++time;
    if (strcmp(state, "UP") != 0)
        return;
    if (slot.made_at > slot.lost_at)
        slot.lost_at = ++time;
    slot.made_at = ++time;
    if (slot.lost_at > 0)
        wake.pipe->ring(wake.number);
}

} // namespace heartbeat
