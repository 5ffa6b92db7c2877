// Asks Kafka a question on a thread of its own. The thread may take any time. The caller waits for
// the answer on the consumer's descriptor, which the thread rings, and may give up at any moment.
#pragma once

#include "kafka/error.h"
#include "kafka/shared_client.h"
#include "kafka/thread_guards.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

namespace heartbeat {

template <typename Answer> struct Question {
    std::atomic<bool> done{false};
    bool out_of_memory = false;
    Answer answer; // once it is done
};

template <typename Answer> using QuestionPointer = std::shared_ptr<Question<Answer>>;

struct CallAnswer { // of a call on a thread that brings nothing back
    Error error = {};
};

// Runs answer = ask(client) on a thread, which rings `wake` when it is done. Throws where there is no memory
// or no thread.
template <typename Answer, typename Ask>
QuestionPointer<Answer> question_ask(std::shared_ptr<SharedClient> client, std::shared_ptr<Wake> wake,
                                     Ask ask) {
    auto question = std::make_shared<Question<Answer>>();
    SignalsBlocked blocked;
    std::thread([question, client = std::move(client), wake = std::move(wake), ask]() mutable {
        try {
            question->answer = ask(*client);
        } catch (...) {
            question->out_of_memory = true;
        }
        client.reset(); // before it is done, so that a consumer without questions can be closed at once
        question->done.store(true);
        wake->ring();
    }).detach();
    return question;
}

} // namespace heartbeat
