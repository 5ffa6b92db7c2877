// Closes a Kafka client in a worker or a session. consumer_session.cpp and kafka_session.cpp call these
// functions. This file is in src/server because only a file that includes the server's headers can register
// exit callbacks.
#pragma once

#include "kafka/consumer.h"

namespace heartbeat {

// Closes the client. `consumer` may be nullptr. If the result is not `closed`, some threads of the client
// still run, and the process continues. If these threads still run at the end of the process, the process
// releases its locks and its slot in shared memory, and then calls _exit(). exit() would run the exit
// handlers of the C library, which unload libraries that the threads use.
CloseResult kafka_close(Consumer *consumer);

// kafka_close_later() begins to close the client, and does not wait. For `retire`, see
// consumer_close_later(). kafka_closing() waits at most `milliseconds` for all clients that are being closed,
// and frees the consumers whose clients librdkafka has destroyed. If threads of a client still run at the end
// of the process, the process calls _exit(): see kafka_close().
void kafka_close_later(Consumer *consumer, bool retire);
ClosingConsumers kafka_closing(int milliseconds);

} // namespace heartbeat
