// Generator, embedded broker: forwards the connections of one loopback port to another loopback port, with
// one thread and poll().
#include "loopback_forwarder.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <list>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace heartbeat::generator {

namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&) = delete;
    ~Descriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

// One direction of a connection. A lane reads again only after it has written all bytes that it has read. So
// a small buffer is enough, and a fast sender waits for a slow receiver.
class Lane {
  public:
    Lane(int from, int to) : from_(from), to_(to) {}

    pollfd waits_for() const {
        if (begin_ < end_)
            return {to_, POLLOUT, 0};
        return {closed_ ? -1 : from_, POLLIN, 0};
    }

    // Returns false when the connection is broken.
    bool move() {
        if (begin_ < end_) {
            const ssize_t size =
                send(to_, buffer_.data() + begin_, end_ - begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (size < 0)
                return errno == EAGAIN || errno == EINTR;
            begin_ += static_cast<size_t>(size);
            return true;
        }
        const ssize_t size = recv(from_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        begin_ = 0;
        end_ = static_cast<size_t>(size);
        if (size == 0) {
            closed_ = true;
            shutdown(to_, SHUT_WR);
        }
        return true;
    }

    bool closed() const { return closed_; }

  private:
    int from_;
    int to_;
    std::array<char, size_t{64} * 1024> buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    bool closed_ = false;
};

struct Connection {
    Connection(Descriptor from, Descriptor to)
        : client(std::move(from)), server(std::move(to)), request(client.get(), server.get()),
          response(server.get(), client.get()) {}

    Descriptor client;
    Descriptor server;
    Lane request;
    Lane response;
};

sockaddr_in loopback_address(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int listen_on(uint16_t port) {
    Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in address = loopback_address(port);
    const int on = 1;
    if (listener.get() < 0 || setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 ||
        listen(listener.get(), SOMAXCONN) != 0)
        throw std::system_error(errno, std::generic_category(),
                                "--embedded-broker: port " + std::to_string(port));
    return listener.release();
}

void accept_connection(int listener, uint16_t target_port, std::list<Connection> *connections) {
    Descriptor client(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0)
        return;
    Descriptor server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback_address(target_port);
    if (server.get() >= 0 &&
        connect(server.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0)
        connections->emplace_back(std::move(client), std::move(server));
}

void forward(int listener, int wake, uint16_t target_port) {
    std::list<Connection> connections;
    std::vector<pollfd> waits;
    for (;;) {
        waits = {{wake, POLLIN, 0}, {listener, POLLIN, 0}};
        for (const Connection &connection : connections) {
            waits.push_back(connection.request.waits_for());
            waits.push_back(connection.response.waits_for());
        }
        if (poll(waits.data(), waits.size(), -1) < 0)
            continue;
        if (waits[0].revents != 0)
            return;

        size_t index = 2;
        for (auto connection = connections.begin(); connection != connections.end();) {
            bool alive = waits[index++].revents == 0 || connection->request.move();
            alive = (waits[index++].revents == 0 || connection->response.move()) && alive;
            const bool over = connection->request.closed() && connection->response.closed();
            connection = alive && !over ? std::next(connection) : connections.erase(connection);
        }
        if (waits[1].revents != 0)
            accept_connection(listener, target_port, &connections);
    }
}

} // namespace

LoopbackForwarder::LoopbackForwarder(uint16_t port, uint16_t target_port) : listener_(listen_on(port)) {
    if (pipe2(wake_, O_CLOEXEC) != 0) {
        const int reason = errno;
        close(listener_);
        throw std::system_error(reason, std::generic_category(), "--embedded-broker");
    }
    thread_ = std::thread(forward, listener_, wake_[0], target_port);
}

LoopbackForwarder::~LoopbackForwarder() {
    close(wake_[1]);
    thread_.join();
    close(wake_[0]);
    close(listener_);
}

} // namespace heartbeat::generator
