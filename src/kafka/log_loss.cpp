// log_search.cpp first compares the log with the messages that the worker remembers, and then calls this
// file. If the log still has older remembered messages, the text says that the log was truncated. If the log
// has none of the remembered messages, the text says that the topic was recreated.
#include "kafka/log_loss.h"

#include "decode/utf8_text.h"

#include <cstdio>

namespace heartbeat {

namespace {

long long shown(int64_t offset) {
    return static_cast<long long>(offset);
}

} // namespace

void log_loss_describe(const char *topic, const Examination &examination, TopicLoss *loss) noexcept {
    char where[96];
    if (loss->lowest < 0 && examination.log_end < examination.next)
        utf8_print(loss->reason.text, sizeof(loss->reason.text),
                   "partition %d of topic \"%s\" ends at offset %lld, before the stored offset %lld: the "
                   "topic was recreated",
                   loss->partition, topic, shown(examination.log_end), shown(loss->position));
    else if (loss->lowest < 0)
        utf8_print(loss->reason.text, sizeof(loss->reason.text),
                   "offset %lld of partition %d of topic \"%s\" holds another message than when heartbeat "
                   "read it: the topic was deleted and recreated",
                   shown(examination.sought.offset), loss->partition, topic);
    if (loss->lowest < 0)
        return;
    if (loss->lowest == loss->highest)
        snprintf(where, sizeof(where), "offset %lld", shown(loss->lowest));
    else
        snprintf(where, sizeof(where), "offset %lld or a later offset up to %lld", shown(loss->lowest),
                 shown(loss->highest));
    utf8_print(
        loss->reason.text, sizeof(loss->reason.text),
        "Kafka's log of partition %d was truncated to %s: topic \"%s\" had been read up to offset %lld",
        loss->partition, where, topic, shown(loss->position));
}

} // namespace heartbeat
