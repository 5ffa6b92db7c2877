// Makes texts for a person from librdkafka's errors. Most files of src/kafka that call librdkafka also call
// this file.
#include "kafka/failure.h"

#include "decode/utf8_text.h"

namespace heartbeat {

bool failure_is_unknown_topic(int code) noexcept {
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

bool failure_describe(Error *error, const char *what, rd_kafka_resp_err_t code) noexcept {
    utf8_print(error->text, sizeof(error->text), "%s: %s", what, rd_kafka_err2str(code));
    return false;
}

} // namespace heartbeat
