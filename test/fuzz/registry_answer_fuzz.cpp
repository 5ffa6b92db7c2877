// Fuzzing: each answer of a registry gives a schema or the text of an error. The lines of the input are
// answers: the first line for the schema, and the next lines for the references of the schema. If the
// references can be sorted, the sorted list has all references.
#include "decode/utf8_text.h"
#include "registry/module/registry_references.h"
#include "require.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace {

using namespace heartbeat;

void check_schema(const RegisteredSchema &schema) {
    require(!schema.text.empty() && utf8_is_text(schema.text.data(), schema.text.size()));
    require(schema.references.size() <= answer_references_max);
    for (const AnswerReference &reference : schema.references) {
        require(!reference.name.empty() && !reference.subject.empty() && reference.version > 0);
        std::string path;
        registry_path_append(&path, reference.subject);
        require(path.find_first_of("/?#\\ \r\n") == std::string::npos && path != "." && path != "..");
    }
}

void check_order(const RegistryReferences &references) {
    std::vector<size_t> order;
    if (references.sort(&order) == nullptr)
        require(order.size() + 1 == references.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    RegistryReferences references;
    while (references.next() < references.size()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view answer = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        registry_answer_error(answer);
        RegisteredSchema schema;
        if (registry_answer_parse(answer, &schema) != nullptr)
            return 0;
        check_schema(schema);
        if (references.store(references.next(), std::move(schema)) != nullptr)
            return 0;
    }
    check_order(references);
    return 0;
}
