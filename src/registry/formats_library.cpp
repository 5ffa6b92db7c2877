// Loads the module heartbeat_formats with the dynamic linker. The symbols of the module stay hidden from all
// other libraries of the process, because another extension can load another version of libprotobuf or
// libcurl.
#include "registry/formats_library.h"

#include "decode/utf8_text.h"
#include "kafka/thread_guards.h"

#include <cstdio>
#include <dlfcn.h>
#include <string_view>
#include <unistd.h>

namespace heartbeat {

namespace {

// PostgreSQL makes the symbols of each extension visible to all libraries. With RTLD_DEEPBIND, the module and
// its libraries use their own symbols, and not the symbols of other extensions. The sanitizers replace
// functions of the C library. RTLD_DEEPBIND would undo this replacement, so a build with a sanitizer does not
// use RTLD_DEEPBIND.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(RTLD_DEEPBIND)
constexpr int prefer_own = 0;
#else
constexpr int prefer_own = RTLD_DEEPBIND;
#endif

constexpr size_t path_size = 4096;

const FormatsModule *loaded = nullptr;

const FormatsModule *open_module(const char *path, char *error, size_t size) noexcept {
    SignalsBlocked guard; // dlopen() can start a thread, and this thread must get no signal
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | prefer_own);
    if (library == nullptr) {
        const char *reason = dlerror();
        utf8_print(error, size,
                   "the module heartbeat_formats cannot be loaded: install the libraries libcurl and "
                   "libprotobuf with which heartbeat was built (%s)",
                   reason == nullptr ? "the system gave no reason" : reason);
        return nullptr;
    }
    auto get = reinterpret_cast<const FormatsModule *(*)() noexcept>(dlsym(library, formats_symbol));
    const FormatsModule *module = get == nullptr ? nullptr : get();
    if (module == nullptr || module->version != formats_version) {
        utf8_print(error, size, "%s",
                   get != nullptr && module == nullptr
                       ? "the module heartbeat_formats cannot start: libcurl has no resolver that answers in "
                         "the background, or no memory is left"
                       : "the module heartbeat_formats is of another version: install heartbeat again and "
                         "restart the server");
        return nullptr;
    }
    return module;
}

} // namespace

const FormatsModule *formats_load(const char *folder, char *error, size_t size) noexcept {
    if (loaded != nullptr)
        return loaded;
    char path[path_size];
    int length = snprintf(path, sizeof(path), "%s/heartbeat_formats.so", folder);
    if (length < 0 || static_cast<size_t>(length) >= sizeof(path) || access(path, F_OK) != 0) {
        utf8_print(error, size,
                   "the module heartbeat_formats is not installed: a schema registry and Protobuf need it. "
                   "Install libcurl and libprotobuf with their headers, then build and install heartbeat "
                   "again");
        return nullptr;
    }
    loaded = open_module(path, error, size);
    return loaded;
}

bool formats_folder(char *folder, size_t size) noexcept {
    Dl_info self;
    if (dladdr(reinterpret_cast<const void *>(&formats_folder), &self) == 0 || self.dli_fname == nullptr)
        return false;
    const std::string_view path = self.dli_fname;
    const size_t end = path.rfind('/');
    if (end == std::string_view::npos || end >= size)
        return false;
    folder[path.copy(folder, end)] = '\0';
    return true;
}

const FormatsModule *formats_loaded() noexcept {
    return loaded;
}

} // namespace heartbeat
