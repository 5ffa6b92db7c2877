// Records when connections to brokers are made and lost. librdkafka calls on_broker_state() on its own
// threads, so no function of this file allocates memory, waits or takes a lock.
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
// bootstrap server whose broker id librdkafka does not know yet: its broker id is -1. The second kind is a
// connection to a group coordinator: its port is 0. A connection can be made while the slot still has an
// earlier connection. In this case librdkafka has removed the broker and found it again, so the earlier
// connection counts as lost.
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
