// Runs a call of librdkafka, such as a question to Kafka, on a separate thread. The call can take any length
// of time. When the call has returned, the thread makes the consumer's descriptor readable. The caller waits
// on this descriptor, and can stop waiting at any moment.
#pragma once

#include "kafka/error.h"
#include "kafka/shared_client.h"
#include "kafka/thread_guards.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace heartbeat {

template <typename Answer> struct Question {
    std::atomic<bool> done{false};
    bool out_of_memory = false;
    Answer answer; // the thread first sets `answer`, and then sets `done`
};

template <typename Answer> using QuestionPointer = std::shared_ptr<Question<Answer>>;

struct CallAnswer { // for a call whose only result is an error
    Error error = {};
};

// Runs answer = ask(client) on a thread. Afterwards the thread calls wake->ring(). Throws if no memory is
// left or the thread cannot be started.
template <typename Answer, typename Ask>
QuestionPointer<Answer> question_ask(std::shared_ptr<SharedClient> client, std::shared_ptr<Wake> wake,
                                     Ask ask) {
    auto question = std::make_shared<Question<Answer>>();
    SignalsBlocked blocked;
    std::thread([question, client = std::move(client), wake = std::move(wake),
                 ask = std::make_optional(std::move(ask))]() mutable {
        try {
            question->answer = (*ask)(*client);
        } catch (...) {
            question->out_of_memory = true;
        }
        // A list of partitions in `ask` can refer to objects of the client, so free `ask` before the client.
        ask.reset();
        // Release the client before `done` is true. A caller that sees `done` can call consumer_close() at
        // once, and this call would wait if the thread still had the client.
        client.reset();
        question->done.store(true);
        wake->ring();
    }).detach();
    return question;
}

} // namespace heartbeat
