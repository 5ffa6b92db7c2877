// Implements heartbeat_replay(). The session reads the messages of a time span from Kafka again, with a
// consumer client of its own. The session stores the readings that the tables do not have. The session does
// not change the offset at which ingest continues to read. At the end of the replay the session adds the
// results to the counters in heartbeat_offsets. Only this step locks rows that ingest needs.
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "admin/kafka_session.h"
#include "admin/replay_plan.h"
#include "admin/replay_read.h"
#include "admin/replay_result.h"
#include "admin/replay_store.h"
#include "admin/source_definition.h"
#include "admin/source_named.h"
#include "decode/decoder_of_mapping.h"
#include "monitor/events.h"
#include "server/compat.h"
#include "server/extension.h"
#include "server/log_redaction.h"
#include "server/statement.h"
#include "server/subtransaction.h"
#include "store/counter_adjustments.h"
#include "store/source_decoder.h"

extern "C" {
#include "access/xlog.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_replay);
}

namespace heartbeat {

namespace {

constexpr size_t messages_at_once = 5000;
constexpr size_t bytes_at_once = size_t{4} << 20;

Statement build_details = {{TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID, INT8OID, TEXTOID},
                           R"sql(
    SELECT jsonb_build_object(
        'topic', $1, 'from_time', $2, 'to_time', $3, 'partition', nullif($4, -1), 'messages', $5,
        'stored', $6, 'source', $7))sql"};

struct Replay {
    ReplaySpan span;
    ReplayReader reader;
    HTAB *adjustments;
    MemoryContext context; // holds the memory of one batch
    ReturnSetInfo *result;
    int64_t messages;
    int64_t stored;
};

// Reads and stores several replay pieces at the same time, at most one piece of each partition.
void replay_round(Replay *replay, const ReplayPiece *pieces, size_t count, ReplayProgress *all) {
    replay_begin(&replay->reader, pieces, count);
    while (replay_next(&replay->reader)) {
        MemoryContext before = MemoryContextSwitchTo(replay->context);
        replay_store(replay->reader, replay->adjustments, all);
        MemoryContextSwitchTo(before);
        MemoryContextReset(replay->context);
    }
}

// Copies the next replay piece of each partition to `round`, and skips pieces without offsets. Returns the
// number of copied pieces.
// NOLINTNEXTLINE(readability-non-const-parameter): it is written to by reference
size_t take_round(const ReplayPlan &plan, size_t *next, ReplayPiece *round) {
    size_t count = 0;
    for (size_t row = 0; row < plan.rows; row++) {
        size_t &i = next[row];
        while (i < plan.count && plan.pieces[i].row == row &&
               plan.pieces[i].from_offset == plan.pieces[i].to_offset)
            i++;
        if (i < plan.count && plan.pieces[i].row == row)
            round[count++] = plan.pieces[i++];
    }
    return count;
}

void run(Replay *replay) {
    ReplayPlan plan = replay_plan(replay->reader.consumer, replay->span);
    auto *all = static_cast<ReplayProgress *>(palloc0(sizeof(ReplayProgress) * (plan.rows + 1)));
    auto *next = static_cast<size_t *>(palloc(sizeof(size_t) * (plan.rows + 1)));
    auto *round = static_cast<ReplayPiece *>(palloc(sizeof(ReplayPiece) * (plan.rows + 1)));
    for (size_t i = plan.count; i-- > 0;) { // the loop runs backwards, so that the first piece of a row sets
                                            // the final values of from_offset and next[]
        const ReplayPiece &piece = plan.pieces[i];
        ReplayProgress &row = all[piece.row];
        row.partition = piece.partition;
        row.from_offset = piece.from_offset;
        row.to_offset = std::max(row.to_offset, piece.to_offset);
        next[piece.row] = i;
    }
    while (size_t count = take_round(plan, next, round))
        replay_round(replay, round, count, all);
    for (size_t row = 0; row < plan.rows; row++) {
        replay_result_add(replay->result, replay->span.source.name, all[row]);
        replay->messages += all[row].messages;
        replay->stored += all[row].records + all[row].anomalies + all[row].dead_letters;
    }
    counter_adjustments_apply(replay->adjustments);
    Datum values[7] = {CStringGetTextDatum(replay->span.source.topic),
                       TimestampTzGetDatum(replay->span.from),
                       TimestampTzGetDatum(replay->span.to),
                       Int32GetDatum(replay->span.partition),
                       Int64GetDatum(replay->messages),
                       Int64GetDatum(replay->stored),
                       CStringGetTextDatum(replay->span.source.name)};
    statement_execute(&build_details, values, nullptr, SPI_OK_SELECT);
    Datum details = statement_value(0, 1, JSONBOID);
    events_record("replay", nullptr, details, GetCurrentTimestamp());
}

// Closes the client, and destroys the batch and the decoder. The function also runs when the session is
// terminated.
void close(int code, Datum argument) {
    auto *reader = reinterpret_cast<ReplayReader *>(DatumGetPointer(argument));
    kafka_session_close(code, PointerGetDatum(reader->consumer));
    batch_destroy(reader->batch);
    decoder_destroy(reader->decoder);
}

ReplaySpan get_span(FunctionCallInfo arguments) {
    bool given = !arguments->args[0].isnull && !arguments->args[1].isnull;
    TimestampTz from = given ? DatumGetTimestampTz(arguments->args[0].value) : 0;
    TimestampTz to = given ? DatumGetTimestampTz(arguments->args[1].value) : 0;
    if (!given || TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to) || from >= to)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("heartbeat_replay needs a finite from_time and to_time, and from_time must be before "
                    "to_time"),
             errhint("heartbeat_replay() compares the times with the Kafka timestamps of the messages.")));
    if (!arguments->args[2].isnull && DatumGetInt32(arguments->args[2].value) < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("partition %d is below 0", DatumGetInt32(arguments->args[2].value)),
                        errhint("heartbeat_partitions shows the partitions that heartbeat has read. NULL "
                                "means all partitions.")));
    return {{}, from, to, arguments->args[2].isnull ? -1 : DatumGetInt32(arguments->args[2].value)};
}

// Returns the source that the call names. If the call names a partition but no source, returns the source
// `default`. If the call names neither a source nor a partition, returns all sources. heartbeat_replay() of
// heartbeat 1.1 and 1.2 has no argument for the source.
const Source *find_sources(FunctionCallInfo fcinfo, bool one_partition, size_t *count) {
    bool named = PG_NARGS() > 3 && !PG_ARGISNULL(3);
    const char *name = named           ? text_to_cstring(PG_GETARG_TEXT_PP(3))
                       : one_partition ? default_source
                                       : nullptr;
    return sources_keep(name, count);
}

void replay_source(const ReplaySpan &span, ReturnSetInfo *result) {
    auto *replay = static_cast<Replay *>(palloc0(sizeof(Replay)));
    replay->span = span;
    replay->result = result;
    replay->context = AllocSetContextCreate(CurrentMemoryContext, "heartbeat replay", ALLOCSET_DEFAULT_SIZES);
    replay->adjustments = counter_adjustments_create();
    SPI_connect();
    replay->reader.source = replay->span.source;
    replay->reader.consumer = kafka_session_open(replay->span.source);
    PG_ENSURE_ERROR_CLEANUP(close, PointerGetDatum(&replay->reader));
    {
        replay->reader.batch = batch_create(messages_at_once, bytes_at_once);
        if (replay->reader.batch == nullptr)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        replay->reader.decoder = source_decoder_require(replay->span.source);
        run(replay);
    }
    PG_END_ENSURE_ERROR_CLEANUP(close, PointerGetDatum(&replay->reader));
    close(0, PointerGetDatum(&replay->reader));
    SPI_finish();
    MemoryContextDelete(replay->context);
    hash_destroy(replay->adjustments);
}

struct Attempt {
    ReplaySpan span;
    ReturnSetInfo *result;
};

void attempt(void *argument) {
    auto *attempt = static_cast<Attempt *>(argument);
    replay_source(attempt->span, attempt->result);
}

// Returns true if the error concerns only one source, so that the replay of the other sources can continue.
// For example, the source's cluster has not answered, or the topic is not the topic that ingest has read.
bool is_of_source(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_CONNECTION_FAILURE ||
           error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
}

// Replays each source in a subtransaction, because the cluster of one source can be unavailable. Raises an
// error if no source can be replayed.
void replay_all(const ReplaySpan &span, const Source *sources, size_t count, ReturnSetInfo *result) {
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        Attempt one = {span, result};
        one.span.source = sources[i];
        CaughtError error = {};
        if (subtransaction_try(attempt, &one, is_of_source, &error))
            continue;
        replay_result_add_failure(result, sources[i].name, error);
        failed++;
    }
    if (count > 0 && failed == count)
        ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("no source can be replayed"),
                        errhint("The warnings have the cause for each source.")));
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_replay(PG_FUNCTION_ARGS) {
    PreventCommandIfReadOnly("heartbeat_replay()");
    PreventCommandDuringRecovery("heartbeat_replay()");
    ReturnSetInfo *result = return_rows(fcinfo);
    ReplaySpan span = get_span(fcinfo);
    size_t count;
    const Source *sources = find_sources(fcinfo, span.partition >= 0, &count);
    int level = log_redaction_hide_for_now();
    if (count == 1) {
        span.source = sources[0];
        replay_source(span, result);
    } else {
        replay_all(span, sources, count, result);
    }
    log_redaction_show(level);
    commit_hooks_roll_up();
    return static_cast<Datum>(0);
}
