// Asks a schema registry through the module heartbeat_formats, as a worker does, and prints the answer.
// test/formats/check_registry runs this program: ask_registry FOLDER URLS ID [PROPERTIES]. With the option
// --compile the program compiles .proto files: ask_registry FOLDER --compile MAIN [NAME=FILE ...].
#include "registry/formats_library.h"
#include "registry/registry_config.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace heartbeat;
using std::chrono::steady_clock;

std::string read_file(const char *path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

long milliseconds_since(steady_clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin).count();
}

void print_text(const char *label, std::string_view text) {
    printf("%s %.*s\n", label, static_cast<int>(text.size()), text.data());
}

int ask(const FormatsModule *module, const char *urls, uint32_t id, const char *properties) {
    Error error{};
    RegistryConfig *config =
        registry_config_read({"broker:9092", "topic", "group", properties, "client"}, &error);
    if (config == nullptr) {
        printf("config %s\n", error.text);
        return 0;
    }
    RegistryOptions options = registry_config_options(config);
    auto begin = steady_clock::now();
    RegistryRequest *request = module->registry_begin(urls, &options, id);
    registry_config_free(config); // the module has its own copy of the configuration
    long longest_ms = 0;
    for (RegistryState state = RegistryState::waiting; state == RegistryState::waiting;) {
        auto call = steady_clock::now();
        state = module->registry_poll(request, 20);
        longest_ms = std::max(longest_ms, milliseconds_since(call));
        if (milliseconds_since(begin) > 2L * registry_call_ms)
            break;
    }
    RegistryAnswer answer = module->registry_answer(request);
    const char *states[] = {"waiting", "found", "unknown_id", "unavailable"};
    printf("state %s\n", states[static_cast<int>(answer.state)]);
    printf("reason %s\n", answer.reason);
    printf("type %d\n", static_cast<int>(answer.type));
    print_text("schema", answer.schema.substr(0, 200));
    for (size_t i = 0; i < answer.reference_count; i++) {
        print_text("reference", answer.references[i].name);
        print_text("text", answer.references[i].text);
    }
    auto forget = steady_clock::now();
    module->registry_forget(request);
    printf("longest %ld\nforgot %ld\ntook %ld\n", longest_ms, milliseconds_since(forget),
           milliseconds_since(begin));
    return 0;
}

int compile(const FormatsModule *module, const char *main_path, char **imports, int count) {
    std::string text = read_file(main_path);
    std::vector<std::string> names, texts;
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(imports[i], '=');
        names.emplace_back(imports[i], static_cast<size_t>(equals - imports[i]));
        texts.push_back(read_file(equals + 1));
    }
    std::vector<NamedText> named;
    named.reserve(names.size());
    for (size_t i = 0; i < names.size(); i++)
        named.push_back({names[i], texts[i]});
    char error[proto_error_size] = "";
    auto begin = steady_clock::now();
    CompiledProto *proto = module->proto_compile(text, named.data(), named.size(), error, sizeof(error));
    printf("took %ld\n", milliseconds_since(begin));
    if (proto == nullptr) {
        printf("error %s\n", error);
        return 0;
    }
    std::string_view bytes = module->proto_descriptors(proto);
    printf("bytes %zu\n", bytes.size());
    const char *output = getenv("DESCRIPTORS");
    if (output != nullptr)
        std::ofstream(output, std::ios::binary) << bytes;
    module->proto_free(proto);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: ask_registry FOLDER URLS ID [PROPERTIES]\n");
        return 2;
    }
    char error[512];
    const FormatsModule *module = formats_load(argv[1], error, sizeof(error));
    if (module == nullptr) {
        printf("module %s\n", error);
        return 1;
    }
    int status = strcmp(argv[2], "--compile") == 0
                     ? compile(module, argv[3], argv + 4, argc - 4)
                     : ask(module, argv[2], static_cast<uint32_t>(strtoul(argv[3], nullptr, 10)),
                           argc > 4 ? argv[4] : "");
    module->finish();
    return status;
}
