// Implements heartbeat_retry_dead_letters(). The function decodes dead letters again into a batch
// (retry_letters.cpp), and stores the batch with store_batch(), as a worker does. Unlike a worker, the
// function does not count the offsets of the messages again: the counters have already counted the dead
// letters (retry_results.cpp).
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "admin/retry_letters.h"
#include "admin/retry_replace.h"
#include "admin/retry_results.h"
#include "monitor/events.h"
#include "server/extension.h"
#include "server/log_redaction.h"
#include "server/settings.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/counter_adjustments.h"
#include "store/store.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(heartbeat_retry_dead_letters);
}

namespace heartbeat {

namespace {

constexpr int64_t bytes_at_once = int64_t{4} << 20; // the size of a batch; a single message can be larger

// In the event's details, each filter of the call has the name of its SQL parameter.
Statement build_details = {{INT8OID, INT8OID, JSONBOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID,
                            TIMESTAMPTZOID, INT8ARRAYOID, TEXTOID, BOOLOID},
                           R"sql(
    SELECT jsonb_build_object('resolved', $1, 'remaining', $2, 'remaining_errors', $3)
        || jsonb_strip_nulls(jsonb_build_object(
            'error_code', $4, 'topic', $5, 'partition', $6, 'arrived_since', $7, 'arrived_until', $8,
            'ids', cardinality($9), 'source', $10, 'replace', nullif($11, false))))sql"};

struct Retry {
    RetryLetters letters;
    RetryResults results;
    bool replace;          // the retry replaces stored readings with the readings in conflict
    MemoryContext context; // holds the memory of one batch
};

// Returns how many of the dead letters fit into one batch. The result is at least 1, even if the first dead
// letter alone is too large.
size_t count_at_once(const RetryLetter *letters, size_t left) {
    size_t count = 1;
    for (int64_t bytes = letters[0].bytes; count < left; count++)
        if ((bytes += letters[count].bytes) > bytes_at_once)
            break;
    return count;
}

void retry_batch(Retry *retry, size_t count) {
    MemoryContextReset(retry->context);
    MemoryContext before = MemoryContextSwitchTo(retry->context);
    retry->letters.batch->clear();
    retry_letters_decode(&retry->letters, count);
    if (!batch_seal(retry->letters.batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    // act as the workers' role, because the next calls fire users' triggers on readings and dead letters
    ActingRole before_storing;
    role_enter(&before_storing);
    PartitionCounts *counts = store_batch(retry->letters.batch, nullptr, true);
    if (retry->replace)
        retry_replace(&retry->letters, counts);
    retry_results_count(retry->letters, counts);
    retry_results_resolve(&retry->results, retry->letters);
    retry_results_note_errors(&retry->results, retry->letters);
    role_leave(before_storing);
    MemoryContextSwitchTo(before);
}

bool retry_some(Retry *retry) {
    size_t locked = retry_letters_lock(&retry->letters);
    for (size_t first = 0, count; first < locked; first += count) {
        CHECK_FOR_INTERRUPTS();
        retry->letters.chosen = retry->letters.locked + first;
        count = count_at_once(retry->letters.chosen, locked - first);
        retry_batch(retry, count);
    }
    return locked > 0;
}

void tell_gone(int64_t letters) {
    if (letters > 0)
        ereport(WARNING, (errcode(ERRCODE_WARNING),
                          errmsg("%lld dead letters stay unresolved, because their sources were dropped",
                                 static_cast<long long>(letters)),
                          errhint("Add a source with the same name, or delete these dead letters.")));
}

void prepare(Retry *retry, FunctionCallInfo arguments) {
    retry_filters_check(arguments->args);
    for (int i = 0; i < retry_filters; i++) {
        retry->letters.nulls[i] = arguments->args[i].isnull ? 'n' : ' ';
        retry->letters.values[i] = arguments->args[i].value;
    }
    retry->letters.nulls[retry_filters] = retry->letters.nulls[retry_filters + 1] = ' ';
    retry->letters.values[retry_filters] = Int64GetDatum(0);
    retry->letters.values[retry_filters + 1] = Int32GetDatum(retry_letters_at_once);
    retry->letters.nulls[retry_filters + 2] = 'n';
    if (arguments->nargs > retry_source_argument) {
        const NullableDatum &replace = arguments->args[retry_replace_argument];
        const NullableDatum &source = arguments->args[retry_source_argument];
        retry->replace = !replace.isnull && DatumGetBool(replace.value);
        retry->letters.nulls[retry_filters + 2] = source.isnull ? 'n' : ' ';
        retry->letters.values[retry_filters + 2] = source.value;
    }
    retry->context = AllocSetContextCreate(CurrentMemoryContext, "heartbeat retry", ALLOCSET_DEFAULT_SIZES);
    retry->letters.adjustments = counter_adjustments_create();
    retry->results.errors = retry_results_create_errors();
    retry->letters.context = CurrentMemoryContext;
    retry->letters.decoders = retry_letters_create_decoders();
    retry->letters.batch = batch_create(retry_letters_at_once, bytes_at_once);
    if (retry->letters.batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

// Writes the event of the retry, with the results and the filters of the call. If the call names the ids of
// dead letters, the event has the number of these ids instead of the ids.
void record_event(const Retry &retry, const Datum *results) {
    constexpr int counts = 3;
    Datum values[counts + retry_filters + 2];
    char nulls[counts + retry_filters + 2] = {' ', ' ', ' '};
    std::copy(results, results + counts, values);
    std::copy(retry.letters.values, retry.letters.values + retry_filters, values + counts);
    std::copy(retry.letters.nulls, retry.letters.nulls + retry_filters, nulls + counts);
    values[counts + retry_filters] = retry.letters.values[retry_filters + 2];
    nulls[counts + retry_filters] = retry.letters.nulls[retry_filters + 2];
    values[counts + retry_filters + 1] = BoolGetDatum(retry.replace);
    nulls[counts + retry_filters + 1] = ' ';
    statement_execute(&build_details, values, nulls, SPI_OK_SELECT);
    events_record("retry", nullptr, statement_value(0, 1, JSONBOID), GetCurrentTimestamp());
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_retry_dead_letters(PG_FUNCTION_ARGS) {
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    auto *retry = static_cast<Retry *>(palloc0(sizeof(Retry)));
    Extension extension;
    extension_find(&extension);
    prepare(retry, fcinfo);
    MemoryContext before = CurrentMemoryContext; // the result must exist after the connection to SPI ends
    int level = log_redaction_hide_for_now();
    SPI_connect();
    PG_TRY();
    {
        retry_letters_require_source(retry->letters);
        while (retry_some(retry)) {
        }
        tell_gone(retry_letters_count_gone(retry->letters));
        // change the counters last: this locks their rows, and ingest waits until the transaction ends
        if (retry->results.resolved + retry->results.remaining > 0)
            counter_adjustments_apply(retry->letters.adjustments);
    }
    PG_FINALLY();
    batch_destroy(retry->letters.batch);
    retry_letters_destroy_decoders(retry->letters.decoders);
    PG_END_TRY();
    MemoryContextSwitchTo(before);
    Datum values[3] = {Int64GetDatum(retry->results.resolved), Int64GetDatum(retry->results.remaining),
                       retry_results_errors(retry->results)};
    if (retry->results.resolved + retry->results.remaining > 0)
        record_event(*retry, values);
    SPI_finish();
    log_redaction_show(level);
    if (retry->results.resolved > 0)
        commit_hooks_wake();
    bool nulls[3] = {};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
