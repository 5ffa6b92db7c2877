// Fills the batch of a source reader, and stores the batch. The result of the store decides how the reader
// continues. reader_step.cpp calls this file while partitions are assigned.
#include "server/server.h"

#include "ingest/reader_assign.h"
#include "ingest/reader_batch.h"
#include "ingest/reader_change.h"
#include "ingest/reader_client.h"
#include "ingest/reader_schema.h"
#include "ingest/reader_trouble.h"
#include "ingest/source_reader.h"
#include "monitor/worker_slot.h"
#include "server/text.h"

namespace heartbeat {

namespace {

// The interval at which the reader checks whether the first message of a partition has arrived.
constexpr long begins_ms = 500;

// Drops the batch. When the reader continues, it reads the messages of the batch again.
long stop_for_dead_letters(SourceReader *reader) {
    char reason[state_text_size];
    const Unresolved &unresolved = reader->session.cycle.unresolved;
    if (unresolved.conflicts == 0)
        text_print(reason, sizeof(reason),
                   "heartbeat.dead_letter_limit (%d) is reached: %lld dead letters are unresolved, and the "
                   "current batch has more",
                   settings.dead_letter_limit, static_cast<long long>(unresolved.dead_letters));
    else
        text_print(
            reason, sizeof(reason),
            "heartbeat.dead_letter_limit (%d) is reached: %lld dead letters and at least %lld messages "
            "in conflict (CONFLICT) are unresolved, and the current batch has more",
            settings.dead_letter_limit, static_cast<long long>(unresolved.dead_letters),
            static_cast<long long>(unresolved.conflicts));
    return reader_fail(reader, reason,
                       "See heartbeat_dead_letter_summary. Correct the dead letters and call "
                       "heartbeat_retry_dead_letters(), DELETE the dead letters that you do "
                       "not need, or raise the limit. heartbeat then continues automatically.");
}

long store(SourceReader *reader) {
    worker_slot_doing(reader->worker, WorkerActivity::storing, 0);
    StoreResult result = batch_cycle_store(&reader->session.cycle, reader->session.consumer, reader->slot,
                                           reader_change_is_shown(reader));
    if (reader_change_is_open(reader, result == StoreResult::busy))
        return reader_change_wait(*reader);
    switch (result) {
    case StoreResult::stored:
        reader_assign_report(reader);
        return at_once;
    case StoreResult::paused:
        reader_enter(reader, ReaderPhase::looking);
        return at_once;
    case StoreResult::uninstalled:
    case StoreResult::changed:
        return reader_load_again(reader);
    case StoreResult::limited:
        return stop_for_dead_letters(reader);
    case StoreResult::busy: // reader_change_is_open() has handled this result
    case StoreResult::moved:
        break;
    }
    ereport(WARNING, (errcode(ERRCODE_WARNING),
                      errmsg("heartbeat: another process changed an offset in heartbeat_offsets while the "
                             "worker stored a batch"),
                      errdetail("The worker stored nothing of this batch. It continues at the offset that "
                                "heartbeat_offsets has now."),
                      errhidecontext(true)));
    reader_enter(reader, ReaderPhase::assigning);
    return reconnect_ms;
}

AssignmentResult change_partitions(SourceReader *reader) {
    PartitionChange change = consumer_session_due_change(&reader->session);
    if (change == PartitionChange::none)
        return AssignmentResult::asking;
    // of the changes of partitions, only `join` calls pause_check(), so only `join` needs
    // reader_change_is_shown()
    if (change == PartitionChange::join)
        reader->session.assignment.waits_for_change = reader_change_is_shown(reader);
    return consumer_session_change_partitions(&reader->session, change);
}

} // namespace

long reader_batch_stream(SourceReader *reader) {
    worker_slot_doing(reader->worker, WorkerActivity::consuming, 0);
    consumer_session_fill(&reader->session, reader->slot);
    if (reader->session.cycle.stage == BatchStage::lost) {
        reader_enter(reader, ReaderPhase::assigning);
        return reconnect_ms;
    }
    bool joins = partitions_to_join(reader->session.assignment.partitions);
    if (consumer_assign_hangs(reader->session.consumer) ||
        (consumer_commit_hangs(reader->session.consumer) &&
         (joins || !consumer_heard(reader->session.consumer))))
        return reader_client_replace(reader);
    if (reader_trouble_is_over(*reader))
        reader->session.trouble = Trouble::none;
    long duties =
        batch_cycle_duties(&reader->session.cycle, reader->session.consumer, &reader->session.assignment);
    if (!batch_cycle_is_sealed(reader->session.cycle)) {
        reader_assign_report(reader);
        if (reader_client_replace_useless(reader))
            return reconnect_ms;
    }
    if (reader->session.cycle.stage == BatchStage::full) // an idle reader need not compare the lags
        hand_over_choose(&reader->session.hand_over, &reader->session.assignment.partitions);
    AssignmentResult changed = change_partitions(reader);
    if (changed != AssignmentResult::asking)
        return reader_assign_take(reader, changed);
    long wait = batch_cycle_until_due(&reader->session.cycle);
    if (wait == at_once)
        return store(reader);
    if (reader->session.cycle.after == AfterBatch::load_schema)
        return reader_schema_begin(reader);
    if (reader->session.cycle.after == AfterBatch::assign_again)
        return reader_trouble_assign_again(reader);
    // check soon whether the error is over, or whether the client can report the losses that it has found
    if (reader->session.trouble != Trouble::none || consumer_gathers_losses(reader->session.consumer))
        duties = std::min(duties, reconnect_ms);
    if (consumer_begins(reader->session.consumer))
        duties = std::min(duties, begins_ms);
    return wait < 0 ? duties : std::min(wait, duties);
}

} // namespace heartbeat
