// Parses answers with simdjson. The module does not use src/decode/json_tree.h, because that file also uses
// jansson. jansson has one allocator for the whole process, and the heartbeat library has already installed
// its own allocator there. The module must not depend on this allocator.
#include "registry/module/registry_answer.h"

#include "decode/utf8_text.h"

#include <new>
#include <simdjson.h>

namespace heartbeat {

namespace {

namespace dom = simdjson::dom;

constexpr size_t depth_max = 64;
constexpr size_t name_size_max = 1024; // the limit for the name of a reference or a subject

// Returns false if the text is not a JSON object. The object is valid as long as the parser exists.
bool parse_object(dom::parser *parser, std::string_view body, dom::object *object) {
    if (parser->allocate(body.size(), depth_max) != simdjson::SUCCESS)
        throw std::bad_alloc();
    dom::element root;
    simdjson::error_code code = parser->parse(body.data(), body.size()).get(root);
    if (code == simdjson::MEMALLOC)
        throw std::bad_alloc();
    return code == simdjson::SUCCESS && root.get(*object) == simdjson::SUCCESS;
}

bool is_usable(std::string_view text, size_t size_max) {
    return !text.empty() && text.size() <= size_max && utf8_is_text(text.data(), text.size());
}

const char *parse_reference(dom::element element, AnswerReference *reference) {
    dom::object object;
    std::string_view name, subject;
    if (element.get(object) != simdjson::SUCCESS || object["name"].get(name) != simdjson::SUCCESS ||
        object["subject"].get(subject) != simdjson::SUCCESS ||
        object["version"].get(reference->version) != simdjson::SUCCESS)
        return "a reference of the schema lacks name, subject or version";
    if (!is_usable(name, name_size_max) || !is_usable(subject, name_size_max) || reference->version < 1)
        return "a reference of the schema has an illegal name, subject or version";
    reference->name = name;
    reference->subject = subject;
    return nullptr;
}

const char *parse_references(dom::object answer, std::vector<AnswerReference> *references) {
    dom::element element;
    if (answer["references"].get(element) != simdjson::SUCCESS || element.is_null())
        return nullptr;
    dom::array array;
    if (element.get(array) != simdjson::SUCCESS)
        return "the references of the schema are not an array";
    for (dom::element one : array) {
        if (references->size() == answer_references_max)
            return "the schema has more than 64 references";
        AnswerReference reference;
        const char *mistake = parse_reference(one, &reference);
        if (mistake != nullptr)
            return mistake;
        references->push_back(reference);
    }
    return nullptr;
}

const char *parse_type(dom::object answer, RegistrySchemaType *type) {
    dom::element element;
    if (answer["schemaType"].get(element) != simdjson::SUCCESS || element.is_null())
        return nullptr; // for Avro, the answer of Confluent's registry has no type
    std::string_view name;
    if (element.get(name) == simdjson::SUCCESS) {
        if (name == "AVRO" || name == "PROTOBUF" || name == "JSON") {
            *type = name == "AVRO"       ? RegistrySchemaType::avro
                    : name == "PROTOBUF" ? RegistrySchemaType::protobuf
                                         : RegistrySchemaType::json;
            return nullptr;
        }
    }
    return "the schemaType must be AVRO, PROTOBUF or JSON";
}

} // namespace

const char *registry_answer_parse(std::string_view body, RegisteredSchema *schema) {
    *schema = {};
    dom::parser parser;
    dom::object answer;
    if (!parse_object(&parser, body, &answer))
        return "the registry has not sent a JSON object";
    std::string_view text;
    if (answer["schema"].get(text) != simdjson::SUCCESS)
        return "the JSON object of the registry has no schema";
    if (!is_usable(text, body.size()))
        return "the schema is empty or has the character U+0000";
    const char *mistake = parse_type(answer, &schema->type);
    if (mistake == nullptr)
        mistake = parse_references(answer, &schema->references);
    schema->text = text;
    return mistake;
}

int64_t registry_answer_error(std::string_view body) {
    dom::parser parser;
    dom::object answer;
    int64_t code = 0;
    if (!parse_object(&parser, body, &answer) || answer["error_code"].get(code) != simdjson::SUCCESS)
        return 0;
    return code;
}

void registry_path_append(std::string *path, std::string_view part) {
    constexpr char digits[] = "0123456789ABCDEF";
    constexpr char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~";
    // a part "." or ".." would mean another folder, so each dot of such a part becomes %2E
    bool dots = part.find_first_not_of('.') == std::string_view::npos;
    for (char c : part) {
        if (std::string_view(plain).find(c) != std::string_view::npos || (c == '.' && !dots)) {
            *path += c;
        } else {
            auto byte = static_cast<unsigned char>(c);
            *path += '%';
            *path += digits[byte >> 4];
            *path += digits[byte & 15];
        }
    }
}

} // namespace heartbeat
