// Writes readings and dead letters into the server's log. batch_cycle.cpp calls this file after it has stored
// a batch.
#include "server/server.h"

#include "ingest/reading_log.h"
#include "server/text.h"
#include "store/announce.h"
#include "store/dead_letters.h"

extern "C" {
#include "utils/datetime.h"
#include "utils/float.h"
}

namespace heartbeat {

namespace {

void log_reading(const Batch *batch, const BatchReading &reading) {
    char event_timestamp[MAXDATELEN + 1];
    announce_timestamp(reading.event_time, event_timestamp);
    bool normal = reading.heart_rate_class == HeartRateClass::normal;
    char *customer_id =
        text_from_utf8(batch->at(reading.customer_id), static_cast<size_t>(reading.customer_id.size));
    ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                  errmsg_internal("%s %s %s bpm at %s%s%s", normal ? "VALID" : "ANOMALY", customer_id,
                                  float8out_internal(reading.heart_rate), event_timestamp, normal ? "" : " ",
                                  normal ? "" : heart_rate_class_name(reading.heart_rate_class)),
                  errhidecontext(true), errhidestmt(true)));
    pfree(customer_id);
}

} // namespace

void reading_log(const Batch *batch) {
    for (const BatchMessage &message : batch->messages) {
        if (message.is_dead_letter())
            ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                          errmsg_internal("DEAD LETTER %s: partition %d offset %lld",
                                          dead_letters_error_code(message),
                                          batch->partitions[message.partition_index].partition,
                                          static_cast<long long>(message.offset)),
                          errhidecontext(true), errhidestmt(true)));
        for (uint32_t i = 0; i < message.readings && !message.is_dead_letter(); i++)
            log_reading(batch, batch->readings[message.first_reading + i]);
    }
}

} // namespace heartbeat
