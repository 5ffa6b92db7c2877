// The interface of the module heartbeat_formats, a shared library of its own that has all code which needs
// libcurl or libprotobuf. formats_library.cpp loads the module into workers and sessions that need it, and
// src/registry/module implements it. So both sides include this header, and it has only plain types.
//
// No function of the module throws. No thread of the module calls the server or gets a signal. Only the main
// thread calls the functions about requests and finish(). Every thread may compile Protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

// A module of another version is refused: the server may still have the library of the version before.
inline constexpr uint32_t formats_version = 1;
inline constexpr const char *formats_symbol = "heartbeat_formats";

inline constexpr int registry_call_ms = 5000; // a registry that has not answered by then is away
inline constexpr size_t registry_reason_size = 384;
inline constexpr size_t proto_error_size = 384;

enum class RegistrySchemaType : uint8_t { avro, protobuf, json };

enum class RegistryState : uint8_t {
    waiting,     // call poll again
    found,       // the schema and all schemas that it refers to are there
    unknown_id,  // the registry has answered that it has no schema with this id
    unavailable, // no registry of the list has given a usable answer. The reason says why
};

// How to connect to a registry. No text is NULL, and an empty text is an option that is not set. The files
// are PEM files.
struct RegistryOptions {
    const char *user_info = ""; // user:password
    const char *bearer_token = "";
    const char *ca_file = "";
    const char *certificate_file = "";
    const char *key_file = ""; // if it is empty, the certificate's file also has the key
    const char *key_password = "";
    bool check_host = true; // whether the certificate must be for the host of the URL
};

// A schema that another schema refers to. The name of a Protobuf file is the path of its import.
struct NamedText {
    std::string_view name;
    std::string_view text;
};

// The texts belong to the request.
struct RegistryAnswer {
    RegistryState state;
    RegistrySchemaType type;     // if found
    std::string_view schema;     // if found
    const NamedText *references; // if found: each after the references that it needs itself
    size_t reference_count;
    const char *reason; // if unavailable: one line for a person, without secrets. UTF-8 with a terminator
};

struct RegistryRequest; // one question to the registry
struct CompiledProto;   // the result of a compilation

struct FormatsModule {
    uint32_t version; // formats_version: the first member in all versions

    // Begins to ask for the schema with this id. `urls` is a list that registry_urls_check() accepts. The
    // request tries the URLs in turn, and gives each of them a part of registry_call_ms. The function copies
    // its parameters, reads the files of the options, and sends nothing. If no memory is left, it returns
    // nullptr. The caller forgets the request.
    RegistryRequest *(*registry_begin)(const char *urls, const RegistryOptions *options,
                                       uint32_t id) noexcept;

    // Works on the request for at most `timeout_ms`, which may be 0. So the caller can wait on its own latch
    // for some milliseconds between two calls.
    RegistryState (*registry_poll)(RegistryRequest *request, int timeout_ms) noexcept;

    RegistryAnswer (*registry_answer)(const RegistryRequest *request) noexcept;

    // Ends the request in every state, and frees its answer. It does not wait for the network.
    void (*registry_forget)(RegistryRequest *request) noexcept;

    // Compiles the text of a .proto file. `imports` are the files that it needs, each after the files that it
    // needs itself. The files google/protobuf/*.proto need not be given. If the function returns nullptr,
    // `error` says what is wrong, in which file and line; an empty text means that no memory is left. The
    // caller frees the result.
    CompiledProto *(*proto_compile)(std::string_view text, const NamedText *imports, size_t import_count,
                                    char *error, size_t error_size) noexcept;

    // The bytes of a google.protobuf.FileDescriptorSet. The file of `text` is the last one.
    std::string_view (*proto_descriptors)(const CompiledProto *proto) noexcept;
    void (*proto_free)(CompiledProto *proto) noexcept;

    // Forgets all requests, which the caller must not use after that. Call it before the process exits.
    // Afterwards at most threads are left that wait for the system's resolver. They use no static data of the
    // module, so the process may exit meanwhile.
    void (*finish)() noexcept;
};

} // namespace heartbeat
