// Calls heartbeat_evaluate_alerts() to evaluate the alert rules. If no rule is enabled and no alert is open,
// this file evaluates nothing. If all enabled rules are about anomalies and no alert is open, only an arrival
// of readings or a change of the rules causes an evaluation.
#include "server/server.h"

#include "maintenance/alerts.h"
#include "monitor/shared_state.h"
#include "server/clock.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/transaction.h"
#include "store/arrivals.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/typcache.h"
}

namespace heartbeat {

namespace {

// An arrival of readings causes an evaluation as soon as this time has passed since the last evaluation.
constexpr TimestampTz after_arrival = USECS_PER_SEC;
constexpr TimestampTz by_clock = 5 * USECS_PER_SEC;
// Each evaluation of the silence rules checks only a part of the customers (a slice). The evaluation of the
// next slice begins after this time.
constexpr TimestampTz next_slice = USECS_PER_SEC;
constexpr size_t customer_size = 1025; // 256 characters of up to 4 bytes, and a zero byte

constexpr OwnFunction evaluate = {"heartbeat_evaluate_alerts", {TEXTOID, BOOLOID}};

// The row that heartbeat_evaluate_alerts() returns, in the order of its OUT parameters.
struct Answer {
    int64_t raised;
    int64_t closed;
    int64_t open;
    bool on_arrival;
    bool on_clock;
    const char *next_customer; // nullptr: this was the last slice of customers
};

uint64_t rules_seen;
// True if this process has seen that readings have arrived. The flag `arrived` in shared memory stays 1 until
// the evaluation, so that ingest does not wake this process again before the evaluation.
bool arrival_noticed = false;
MonotonicTime evaluated_at;
// The time at which silence rules are due. An arrival of readings does not make silence rules due, because
// their evaluation takes the most time.
MonotonicTime silence_due;
char customer[customer_size] = ""; // the next slice of customers begins after this customer

Answer read_answer(Datum row) {
    constexpr int columns = 6;
    constexpr Oid types[columns] = {INT8OID, INT8OID, INT8OID, BOOLOID, BOOLOID, TEXTOID};
    HeapTupleHeader header = DatumGetHeapTupleHeader(row);
    TupleDesc description =
        lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
    bool expected = description->natts == columns;
    for (int i = 0; expected && i < columns; i++)
        expected = TupleDescAttr(description, i)->atttypid == types[i];
    if (!expected)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("function heartbeat_evaluate_alerts does not return the expected columns"),
                        errhint("Run ALTER EXTENSION heartbeat UPDATE.")));
    HeapTupleData tuple = {};
    tuple.t_len = HeapTupleHeaderGetDatumLength(header);
    tuple.t_data = header;
    Datum values[columns];
    bool nulls[columns];
    heap_deform_tuple(&tuple, description, values, nulls);
    ReleaseTupleDesc(description);
    return {DatumGetInt64(values[0]), DatumGetInt64(values[1]),
            DatumGetInt64(values[2]), DatumGetBool(values[3]),
            DatumGetBool(values[4]),  nulls[5] ? nullptr : TextDatumGetCString(values[5])};
}

MonotonicTime earlier(MonotonicTime due, MonotonicTime time) {
    return due == 0 ? time : std::min(due, time);
}

// Tells ingest whether to report the arrival of readings. If no rule depends on arrivals, also clears an
// arrival that ingest has reported during the evaluation, because this arrival would cause a needless
// evaluation.
void watch_arrivals(bool watch) {
    pg_atomic_write_u32(&shared_state->rules_watch, watch ? 1 : 0);
    if (!watch)
        pg_atomic_write_u32(&shared_state->arrived, 0);
}

TimestampTz take_answer(const Answer &answer, bool with_silence) {
    bool on_clock = answer.on_clock || answer.open > 0;
    watch_arrivals(answer.on_arrival);
    if (with_silence) {
        // Copy the customer id unchanged: text_copy() can change bytes, but the next evaluation compares this
        // id with the ids in the tables.
        strlcpy(customer, answer.next_customer == nullptr ? "" : answer.next_customer, sizeof(customer));
        silence_due = evaluated_at + (customer[0] == '\0' ? by_clock : next_slice);
    }
    return on_clock ? std::max<TimestampTz>(silence_due - evaluated_at, 1) : 0;
}

} // namespace

MonotonicTime alerts_due(MonotonicTime due, MonotonicTime now) {
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
    evaluated_at = monotonic_now();
    // The evaluation does not see the readings that ingest stores after the evaluation's snapshot. So ingest
    // must report these readings: set `arrived` and rules_watch before the evaluation. rules_watch must be 1
    // even if no earlier rule depended on arrivals, because a new rule can depend on arrivals.
    pg_atomic_write_u32(&shared_state->arrived, 0);
    pg_atomic_write_u32(&shared_state->rules_watch, 1);
    arrival_noticed = false;
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED)) {
        watch_arrivals(false);
        return 0;
    }
    bool with_silence = evaluated_at >= silence_due;
    pg_atomic_write_u32(&shared_state->silence, arrivals_take());
    Datum values[2] = {CStringGetTextDatum(customer), BoolGetDatum(with_silence)};
    Datum row;
    if (!own_function_call(evaluate, values, nullptr, &row))
        elog(ERROR, "heartbeat_evaluate_alerts gave no row");
    Answer answer = read_answer(row);
    TimestampTz again = take_answer(answer, with_silence);
    // Wait until the commit is on disk. If a crash lost this commit, a later evaluation would raise or close
    // the same alerts again, and would send their notifications a second time.
    if (answer.raised + answer.closed > 0)
        ForceSyncCommit();
    transaction_commit();
    return again;
}

} // namespace heartbeat
