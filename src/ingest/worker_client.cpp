// Opens the consumer client of an ingest worker. It also closes a client that must be replaced; the next step
// then opens a new client. The other steps of the worker call this file.
#include "server/server.h"

#include "ingest/worker_client.h"
#include "server/text.h"

namespace heartbeat {

bool worker_client_open() {
    Error error;
    if (!consumer_session_open(&worker.session, &error))
        worker_fail(text_from_utf8(error.text), "Correct the setting and reload the configuration.");
    return worker.session.consumer != nullptr;
}

bool worker_client_replace_useless() {
    ConsumerSession *session = &worker.session;
    KafkaPartitions *partitions = &session->assignment.partitions;
    if (!client_is_useless(&worker.health, partitions, session->consumer, partitions->known))
        return false;
    worker_close_client();
    session->trouble = Trouble::first; // until the new client has read from a partition
    return true;
}

// Replaces a client in which librdkafka does not begin to read the assigned partitions. The cause is a thread
// of librdkafka that waits, or a coordinator of the Kafka group that does not answer a commit.
long worker_client_replace() {
    worker_close_client();
    worker.session.trouble = Trouble::first; // until the new client has read from a partition
    worker_state_report(WorkerState::connecting,
                        "the Kafka client does not begin to read the assigned partitions",
                        "heartbeat replaces the client with a new one.");
    return at_once;
}

} // namespace heartbeat
