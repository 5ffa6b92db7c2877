// This resolver replaces the system's resolver in a copy of ask_registry. It answers only after a minute, and
// so imitates a name server that does not answer. test/formats/check_registry runs this copy.
#include <netdb.h>
#include <unistd.h>

extern "C" int getaddrinfo(const char *, const char *, const addrinfo *, addrinfo **) {
    sleep(60);
    return EAI_AGAIN;
}
