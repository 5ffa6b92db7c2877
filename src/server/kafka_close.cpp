// Closes a Kafka client. If some threads of a client still run when the process exits, an exit callback of
// this file ends the process with _exit().
#include "server/server.h"

#include "server/kafka_close.h"

#include <unistd.h>

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

bool looks_at_exit = false;

void leave_at_once(int code, Datum /*argument*/) {
    if (consumer_clients() > 0)
        _exit(code);
}

void look_at_exit() {
    if (!looks_at_exit)
        on_proc_exit(leave_at_once, 0);
    looks_at_exit = true;
}

} // namespace

CloseResult kafka_close(Consumer *consumer) {
    CloseResult result = consumer_close(consumer);
    if (result != CloseResult::closed)
        look_at_exit();
    return result;
}

void kafka_close_later(Consumer *consumer, bool retire) {
    look_at_exit();
    consumer_close_later(consumer, retire);
}

ClosingConsumers kafka_closing(int milliseconds) {
    return consumers_closing(milliseconds);
}

} // namespace heartbeat
