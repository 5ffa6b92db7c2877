// Generator, formats: writes the Protobuf schema (proto3) of a template's values.
#include "shape.h"

#include "json_text.h"
#include "template_tree.h"

#include <utility>

namespace heartbeat::generator {

namespace {

using Kind = Shape::Kind;

constexpr size_t most_fields = 10'000; // below the field numbers 19000 to 19999, which Protobuf reserves
constexpr char package[] = "heartbeat.generator";

// Returns the JSON name that Protobuf gives to the field by default, for example heartRate for heart_rate.
std::string default_json_name(const std::string &field) {
    std::string name;
    bool capital = false;
    for (const char c : field) {
        if (c == '_')
            capital = true;
        else
            name +=
                std::exchange(capital, false) && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return name;
}

class Printer {
  public:
    explicit Printer(const std::string &name) : name_(name) {}

    std::string print(const Shape &root) {
        if (root.kind != Kind::record)
            refuse(root.path, "a Protobuf message must be an object with fixed names");
        add_message(root);
        return std::string("syntax = \"proto3\";\npackage ") + package + ";\n" + messages_;
    }

  private:
    [[noreturn]] void refuse(const std::string &path, const std::string &reason) const {
        throw TemplateError(name_ + ": at " + path + ": " + reason);
    }

    // Writes the type of the outer object before the types of the inner objects, because the frame of a Kafka
    // message names the first message type of the schema.
    void add_message(const Shape &shape) {
        if (shape.elements.size() > most_fields)
            refuse(shape.path, "a Protobuf message has at most " + std::to_string(most_fields) + " fields");
        messages_ += "\nmessage " + shape.type_name + " {\n";
        int number = 0;
        for (size_t i = 0; i < shape.elements.size(); i++) {
            if (shape.elements[i].kind != Kind::null)
                add_field(shape.names[i], shape.elements[i], ++number);
        }
        messages_ += "}\n";
        for (const Shape &element : shape.elements)
            add_messages_of(element);
    }

    void add_messages_of(const Shape &shape) {
        if (shape.kind == Kind::record)
            add_message(shape);
        else if (shape.kind == Kind::array || shape.kind == Kind::map)
            add_messages_of(shape.element());
    }

    void add_field(const std::string &name, const Shape &shape, int number) {
        const std::string field = legal_name(name);
        messages_ += "  " + type_of(shape) + " " + field + " = " + std::to_string(number);
        if (default_json_name(field) != name)
            messages_ += " [json_name = \"" + json_escaped(name) + "\"]";
        messages_ += ";\n";
    }

    std::string type_of(const Shape &shape) const {
        if (shape.kind == Kind::array)
            return "repeated " + single_type(shape.element(), "an array");
        if (shape.kind == Kind::map)
            return "map<string, " + single_type(shape.element(), "an object with changing names") + ">";
        return single_type(shape, "");
    }

    std::string single_type(const Shape &shape, const std::string &container) const {
        switch (shape.kind) {
        case Kind::nothing:
        case Kind::text:
            return "string";
        case Kind::boolean:
            return "bool";
        case Kind::integer:
        case Kind::millis:
        case Kind::micros:
        case Kind::nanos:
            return "int64";
        case Kind::real:
            return "double";
        case Kind::record:
            return std::string(".") + package + "." + shape.type_name;
        case Kind::null:
            refuse(shape.path, "Protobuf has no null in " + container);
        case Kind::map:
        case Kind::array:
            break;
        }
        refuse(shape.path,
               "Protobuf has no " +
                   std::string(shape.kind == Kind::array ? "array" : "object with changing names") +
                   " directly in " + container);
    }

    const std::string &name_;
    std::string messages_;
};

} // namespace

std::string protobuf_schema_of(const Shape &shape, const std::string &name) {
    return Printer(name).print(shape);
}

} // namespace heartbeat::generator
