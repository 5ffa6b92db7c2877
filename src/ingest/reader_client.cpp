// Opens the consumer client of a source reader. This file also closes a client that no longer works, and the
// next step of the reader opens a new client. The steps of the reader call this file.
#include "server/server.h"

#include "ingest/reader_client.h"
#include "server/text.h"
#include "store/source_decoder.h"

namespace heartbeat {

namespace {

constexpr long module_look_ms = 5000;

// An administrator can install the module heartbeat_formats while the worker runs. So a reader that needs the
// module waits, and does not become FAILED.
long wait_for_module(SourceReader *reader, const char *reason) {
    if (reader->phase == ReaderPhase::paused)
        reader_report(reader, WorkerState::paused, "", nullptr);
    else
        reader_report(reader, WorkerState::connecting, reason,
                      "Install the module. heartbeat then continues without a restart.");
    return module_look_ms;
}

} // namespace

long reader_client_open(SourceReader *reader) {
    Error error = {};
    bool lacks_module = false;
    Decoder **decoder = &reader->session.cycle.decoder;
    if (*decoder == nullptr)
        *decoder = source_decoder_create(reader->source, &error, &lacks_module);
    if (lacks_module)
        return wait_for_module(reader, text_from_utf8(error.text));
    if (*decoder == nullptr)
        return reader_fail(reader, text_from_utf8(error.text),
                           "heartbeat_alter_source() changes the layout.");
    if (consumer_session_open(&reader->session, &error))
        return at_once;
    return reader_fail(
        reader, text_from_utf8(error.text),
        reader->source.own_brokers || reader->source.own_config_file
            ? "Correct the source with heartbeat_alter_source(), or correct the file and reload the "
              "configuration."
            : "Correct the setting and reload the configuration.");
}

bool reader_client_replace_useless(SourceReader *reader) {
    ConsumerSession *session = &reader->session;
    KafkaPartitions *partitions = &session->assignment.partitions;
    if (!client_is_useless(&reader->health, partitions, session->consumer, partitions->known))
        return false;
    reader_close_client(reader);
    session->trouble = Trouble::first; // stays set until the new client has read from a partition
    return true;
}

// Replaces a client in which librdkafka does not begin to read the assigned partitions. The cause is a thread
// of librdkafka that hangs, or a coordinator of the Kafka group that does not answer a commit.
long reader_client_replace(SourceReader *reader) {
    reader_close_client(reader);
    reader->session.trouble = Trouble::first; // stays set until the new client has read from a partition
    reader_report(reader, WorkerState::connecting,
                  "the Kafka client does not begin to read the assigned partitions",
                  "heartbeat replaces the client with a new client.");
    return at_once;
}

} // namespace heartbeat
