// Fills the batch of an ingest worker, and stores it. The result decides how the worker continues. worker.cpp
// calls it while partitions are assigned.
#include "server/server.h"

#include "ingest/worker_assign.h"
#include "ingest/worker_batch.h"
#include "ingest/worker_client.h"
#include "ingest/worker_state.h"
#include "ingest/worker_trouble.h"
#include "monitor/worker_slot.h"
#include "server/text.h"

namespace heartbeat {

namespace {

// Drops the batch. When the worker continues, it reads the messages of the batch again.
long stop_for_dead_letters() {
    char reason[state_text_size];
    text_print(reason, sizeof(reason),
               "heartbeat.dead_letter_limit (%d) is reached: %lld dead letters are unresolved, and the "
               "current batch has more",
               settings.dead_letter_limit, static_cast<long long>(worker.session.cycle.unresolved));
    return worker_fail(reason, "See heartbeat_dead_letter_summary. Correct the dead letters and call "
                               "heartbeat_retry_dead_letters(), DELETE the dead letters that you do "
                               "not need, or raise the limit. heartbeat then continues automatically.");
}

long store() {
    worker_slot_doing(worker.slot, WorkerActivity::storing, 0);
    switch (batch_cycle_store(&worker.session.cycle, worker.session.consumer, worker.slot)) {
    case StoreResult::stored:
        worker_assign_report();
        return at_once;
    case StoreResult::paused:
    case StoreResult::uninstalled:
        worker_enter(WorkerPhase::looking);
        return at_once;
    case StoreResult::limited:
        return stop_for_dead_letters();
    case StoreResult::moved:
        break;
    }
    ereport(WARNING, (errcode(ERRCODE_WARNING),
                      errmsg("heartbeat: another process changed an offset in heartbeat_offsets while the "
                             "worker stored a batch"),
                      errdetail("The worker stored nothing of this batch. It continues at the offset that "
                                "heartbeat_offsets has now."),
                      errhidecontext(true)));
    worker_enter(WorkerPhase::assigning);
    return reconnect_ms;
}

} // namespace

long worker_batch_stream() {
    worker_slot_doing(worker.slot, WorkerActivity::consuming, 0);
    consumer_session_fill(&worker.session, worker.slot);
    if (worker.session.cycle.stage == BatchStage::lost) {
        worker_enter(WorkerPhase::assigning);
        return reconnect_ms;
    }
    bool joins = partitions_to_join(worker.session.assignment.partitions);
    if (consumer_assign_hangs(worker.session.consumer) ||
        (consumer_commit_hangs(worker.session.consumer) &&
         (joins || !consumer_heard(worker.session.consumer))))
        return worker_client_replace();
    if (worker_trouble_is_over())
        worker.session.trouble = Trouble::none;
    long duties =
        batch_cycle_duties(&worker.session.cycle, worker.session.consumer, &worker.session.assignment);
    if (!batch_cycle_is_sealed(worker.session.cycle)) {
        worker_assign_report();
        if (worker_client_replace_useless())
            return reconnect_ms;
    }
    AssignmentResult joined = consumer_session_join(&worker.session);
    if (joined != AssignmentResult::asking)
        return worker_assign_take(joined);
    long wait = batch_cycle_until_due(&worker.session.cycle);
    if (wait == at_once)
        return store();
    if (worker.session.cycle.after == AfterBatch::assign_again)
        return worker_trouble_assign_again();
    // check again soon: is the error over, or has the client found all losses?
    if (worker.session.trouble != Trouble::none || consumer_gathers_losses(worker.session.consumer))
        duties = std::min(duties, reconnect_ms);
    return wait < 0 ? duties : std::min(wait, duties);
}

} // namespace heartbeat
