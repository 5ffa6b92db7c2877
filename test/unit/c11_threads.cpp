// librdkafka uses C11 threads. But the thread sanitizer supports only POSIX threads, and a C11 thread crashes
// under the sanitizer. So this file implements the functions of C11 threads with POSIX threads. In glibc a
// C11 type and its POSIX type have the same contents, so this file only casts the pointers. The unit tests of
// threads link this file. A server under the thread sanitizer loads this file as a library before all other
// libraries.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,performance-no-int-to-ptr) as in glibc
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <memory>
#include <pthread.h>
#include <threads.h>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

pthread_mutex_t *mutex_of(mtx_t *mutex) {
    return reinterpret_cast<pthread_mutex_t *>(mutex);
}

pthread_cond_t *condition_of(cnd_t *condition) {
    return reinterpret_cast<pthread_cond_t *>(condition);
}

int result_of(int error) {
    switch (error) {
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

struct Start {
    thrd_start_t function;
    void *argument;
};

void *run(void *argument) {
    const std::unique_ptr<Start> start(static_cast<Start *>(argument));
    return reinterpret_cast<void *>(static_cast<intptr_t>(start->function(start->argument)));
}

} // namespace

extern "C" {

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    auto *start = new Start{function, argument};
    const int error = pthread_create(thread, nullptr, run, start);
    if (error != 0)
        delete start;
    return result_of(error);
}

int thrd_join(thrd_t thread, int *result) {
    void *value = nullptr;
    const int error = pthread_join(thread, &value);
    if (result != nullptr)
        *result = static_cast<int>(reinterpret_cast<intptr_t>(value));
    return result_of(error);
}

int thrd_detach(thrd_t thread) {
    return result_of(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes,
                              (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    return result_of(pthread_mutex_init(mutex_of(mutex), &attributes));
}

int mtx_lock(mtx_t *mutex) {
    return result_of(pthread_mutex_lock(mutex_of(mutex)));
}

int mtx_trylock(mtx_t *mutex) {
    return result_of(pthread_mutex_trylock(mutex_of(mutex)));
}

int mtx_unlock(mtx_t *mutex) {
    return result_of(pthread_mutex_unlock(mutex_of(mutex)));
}

void mtx_destroy(mtx_t *mutex) {
    pthread_mutex_destroy(mutex_of(mutex));
}

int cnd_init(cnd_t *condition) {
    return result_of(pthread_cond_init(condition_of(condition), nullptr));
}

int cnd_signal(cnd_t *condition) {
    return result_of(pthread_cond_signal(condition_of(condition)));
}

int cnd_broadcast(cnd_t *condition) {
    return result_of(pthread_cond_broadcast(condition_of(condition)));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
    return result_of(pthread_cond_wait(condition_of(condition), mutex_of(mutex)));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const timespec *until) {
    return result_of(pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), until));
}

void cnd_destroy(cnd_t *condition) {
    pthread_cond_destroy(condition_of(condition));
}
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name,performance-no-int-to-ptr)
