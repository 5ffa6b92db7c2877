// Closes a Kafka client in a worker or a session. consumer_session.cpp and kafka_session.cpp call it. It is
// in this folder because only a file that includes the server's headers can set the process's exit callbacks.
#pragma once

#include "kafka/consumer.h"

namespace heartbeat {

// `consumer` may be nullptr. If the result is not `closed`, some threads of the client still run, and the
// process continues. If they still run when the process ends, it ends by _exit() without the exit handlers of
// the C library: these would unload libraries that the threads use. By then the process has released its
// locks and its slot in shared memory, so no other process waits for it.
CloseResult kafka_close(Consumer *consumer);

} // namespace heartbeat
