// Makes the text for a person about the lost log of a partition. A log is lost if another log has replaced
// the log that the client has read. log_search.cpp calls this file when a search has ended.
#pragma once

#include "kafka/examination_state.h"
#include "kafka/report.h"

namespace heartbeat {

// Sets loss->reason from the other fields of the loss and from the result of the examination.
void log_loss_describe(const char *topic, const Examination &examination, TopicLoss *loss) noexcept;

} // namespace heartbeat
