// The interface of the module heartbeat_formats. The module is a separate shared library, with all code that
// needs libcurl or libprotobuf. formats_library.cpp loads the module into workers and sessions that need the
// module. src/registry/module implements the module. The heartbeat library and the module include this
// header, so the header has only plain types.
//
// No function of the module throws. No thread of the module calls functions of the server, or gets a signal.
// Only the main thread calls finish() and the functions for requests. Any thread may compile Protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

// After an upgrade, a process that still runs the old heartbeat library can find the new module on the disk.
// So the heartbeat library refuses a module with another version number.
inline constexpr uint32_t formats_version = 1;
inline constexpr const char *formats_symbol = "heartbeat_formats";

inline constexpr int registry_call_ms = 5000; // a request without a usable answer ends after this time
inline constexpr size_t registry_reason_size = 384;
inline constexpr size_t proto_error_size = 384;

enum class RegistrySchemaType : uint8_t { avro, protobuf, json };

enum class RegistryState : uint8_t {
    waiting,     // call registry_poll() again
    found,       // the answer has the schema and all schemas to which the schema refers
    unknown_id,  // the registry has answered that it has no schema with this id
    unavailable, // no registry of the list has given a usable answer: see RegistryAnswer::reason
};

// The options of a connection to a registry. No text is nullptr. An empty text means that the option is not
// set. The files are PEM files.
struct RegistryOptions {
    const char *user_info = ""; // user:password
    const char *bearer_token = "";
    const char *ca_file = "";
    const char *certificate_file = "";
    const char *key_file = ""; // empty: the certificate's file also has the key
    const char *key_password = "";
    bool check_host = true; // true: the certificate must be for the host of the URL
};

// A schema that another schema refers to. For a Protobuf file, the name is the path in the import statement.
struct NamedText {
    std::string_view name;
    std::string_view text;
};

// The answer of a RegistryRequest. The request owns the texts of the answer: registry_forget() frees them.
struct RegistryAnswer {
    RegistryState state;
    RegistrySchemaType type;     // for the state `found`
    std::string_view schema;     // for the state `found`
    const NamedText *references; // for `found`: each reference comes after the references that it needs
    size_t reference_count;
    const char *reason; // for the state `unavailable`: a line of UTF-8 for a person, without secrets
};

struct RegistryRequest; // one question to the registry
struct CompiledProto;   // the result of a compilation

struct FormatsModule {
    uint32_t version; // formats_version; this member is the first member in all versions

    // Begins a request for the schema with this id. `urls` is a list that registry_urls_check() accepts. The
    // request tries one URL after the other, and each URL gets a part of registry_call_ms. The function
    // copies its parameters, and reads the files that the options name. It sends nothing: registry_poll()
    // asks the registry. If no memory is left, the function returns nullptr. The caller must call
    // registry_forget() for the request.
    RegistryRequest *(*registry_begin)(const char *urls, const RegistryOptions *options,
                                       uint32_t id) noexcept;

    // Works on the request for at most `timeout_ms`. If `timeout_ms` is 0, the function does not wait, so the
    // caller can wait on its own latch between two calls.
    RegistryState (*registry_poll)(RegistryRequest *request, int timeout_ms) noexcept;

    RegistryAnswer (*registry_answer)(const RegistryRequest *request) noexcept;

    // Ends the request, even if no answer has arrived, and frees the request and its answer. The function
    // does not wait for the network.
    void (*registry_forget)(RegistryRequest *request) noexcept;

    // Compiles the text of a .proto file. The array `imports` has all files that the text imports, directly
    // or through other files. In this array, each file must come after the files that it imports. The array
    // need not contain the files google/protobuf/*.proto. If a text is wrong, the function returns nullptr,
    // and writes the mistake with its file and line to `error`. If no memory is left, the function returns
    // nullptr, and sets `error` to an empty text. The caller frees the result with proto_free().
    CompiledProto *(*proto_compile)(std::string_view text, const NamedText *imports, size_t import_count,
                                    char *error, size_t error_size) noexcept;

    // Returns the bytes of a google.protobuf.FileDescriptorSet. The last file of this set is the compiled
    // `text`.
    std::string_view (*proto_descriptors)(const CompiledProto *proto) noexcept;
    void (*proto_free)(CompiledProto *proto) noexcept;

    // Forgets all requests. Call this function before the process exits. After this call, the caller must not
    // use a request. After this call, no thread of the module runs, except threads that wait for the system's
    // resolver. Such a thread uses no static data of the module, so the process may exit while the thread
    // waits.
    void (*finish)() noexcept;
};

} // namespace heartbeat
