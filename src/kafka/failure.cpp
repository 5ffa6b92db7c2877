// Makes texts for a person from librdkafka's errors. Most files of src/kafka that call librdkafka also call
// it.
#include "kafka/failure.h"

#include "decode/utf8_text.h"

namespace heartbeat {

bool failure_is_unknown_topic(int error) noexcept {
    return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

bool failure_describe(Error *problem, const char *what, rd_kafka_resp_err_t error) noexcept {
    utf8_print(problem->text, sizeof(problem->text), "%s: %s", what, rd_kafka_err2str(error));
    return false;
}

} // namespace heartbeat
