// Server half: evaluates the alert rules, by heartbeat_evaluate_alerts(). Without enabled rules, and without
// open alerts, nothing is evaluated; with rules on anomalies alone, nothing while nothing arrives.
#include "server.h"

#include "alerts.h"
#include "control/shared_state.h"
#include "storage/sql.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz after_arrival = USECS_PER_SEC; // since the last evaluation
constexpr TimestampTz by_clock = 5 * USECS_PER_SEC;
constexpr TimestampTz next_slice = USECS_PER_SEC; // of the customers, where they are many
constexpr size_t customer_size = 1025;            // 256 characters

Statement evaluate = {"SELECT raised, closed, open, on_arrival, on_clock, next_customer"
                      " FROM @extschema@.heartbeat_evaluate_alerts($1, $2)",
                      2,
                      {TEXTOID, BOOLOID},
                      0,
                      nullptr};

uint64_t rules_seen;
bool arrival_noticed = false; // the flag in shared memory stays until then, so that ingest wakes nobody again
TimestampTz evaluated_at;
TimestampTz silence_due;           // looking for silence takes longest, so it is for the clock alone
char customer[customer_size] = ""; // where its next slice of customers begins

int64_t number(int column) {
    bool null;
    Datum value = statement_value(0, column, INT8OID, &null);
    return null ? 0 : DatumGetInt64(value);
}

bool truth(int column) {
    bool null;
    Datum value = statement_value(0, column, BOOLOID, &null);
    return !null && DatumGetBool(value);
}

TimestampTz earlier(TimestampTz due, TimestampTz time) {
    return due == 0 ? time : std::min(due, time);
}

TimestampTz take_answer(bool with_silence) {
    bool on_arrival = truth(4), on_clock = truth(5) || number(3) > 0;
    const char *next = statement_text(0, 6);
    pg_atomic_write_u32(&shared_state->rules_watch, on_arrival ? 1 : 0);
    if (with_silence) {
        strlcpy(customer, next == nullptr ? "" : next, sizeof(customer));
        silence_due = evaluated_at + (customer[0] == '\0' ? by_clock : next_slice);
    }
    return on_clock ? std::max<TimestampTz>(silence_due - evaluated_at, 1) : 0;
}

} // namespace

TimestampTz alerts_due(TimestampTz due, TimestampTz now) {
    uint64_t rules = pg_atomic_read_u64(&shared_state->rules_changed);
    if (rules != rules_seen)
        due = now;
    rules_seen = rules;
    if (!arrival_noticed && pg_atomic_read_u32(&shared_state->arrived) == 1) {
        arrival_noticed = true;
        due = earlier(due, evaluated_at + after_arrival);
    }
    return due;
}

TimestampTz alerts_evaluate() {
    evaluated_at = GetCurrentTimestamp();
    pg_atomic_write_u32(&shared_state->arrived, 0); // before looking, so that nothing is missed
    arrival_noticed = false;
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED)) {
        pg_atomic_write_u32(&shared_state->rules_watch, 0);
        return 0;
    }
    bool with_silence = evaluated_at >= silence_due;
    Datum values[2] = {CStringGetTextDatum(customer), BoolGetDatum(with_silence)};
    statement_execute(&evaluate, values, nullptr, SPI_OK_SELECT);
    TimestampTz again = take_answer(with_silence);
    // what listeners are told must not be lost in a crash, to be told again
    if (number(1) + number(2) > 0)
        ForceSyncCommit();
    transaction_commit();
    return again;
}

} // namespace heartbeat
