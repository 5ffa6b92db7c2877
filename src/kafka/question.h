// A question to Kafka on a thread of its own. The thread that asks may take any time: whoever
// waits for the answer waits on the consumer's descriptor, and may give up at any moment.
#pragma once

#include "kafka/consumer_client.h"

namespace heartbeat {

template <typename Answer> struct Question {
    std::atomic<bool> done{false};
    bool out_of_memory = false;
    Answer answer; // once it is done
};

template <typename Answer> using QuestionPointer = std::shared_ptr<Question<Answer>>;

// Runs answer = ask(client) on a thread. Throws where there is no memory or no thread.
template <typename Answer, typename Ask>
QuestionPointer<Answer> ask_on_thread(const Consumer &consumer, Ask ask) {
    auto question = std::make_shared<Question<Answer>>();
    SignalsBlocked blocked;
    std::thread([question, client = consumer.shared, wake = consumer.wake, ask]() mutable {
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
