// Control wing: closes a client of Kafka, and remembers threads that are left.
#include "server.h"

#include "control/kafka_close.h"

#include <unistd.h>

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

bool will_leave_at_once = false;

void leave_at_once(int code, Datum /*argument*/) {
    _exit(code);
}

} // namespace

bool kafka_close(Consumer *consumer) {
    bool closed = consumer_close(consumer);
    if (!closed && !will_leave_at_once) {
        will_leave_at_once = true;
        on_proc_exit(leave_at_once, 0);
    }
    return closed;
}

} // namespace heartbeat
