// Generator, templates: reads a template from JSON, checks the template, and makes a tree of values. jansson
// keeps the order of an object's members, so the members of a message have the order of the template.
#include "template_tree.h"

#include "json_text.h"
#include "template_repeat.h"
#include "template_times.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace heartbeat::generator {

namespace {

struct JsonDestroy {
    void operator()(json_t *json) const { json_decref(json); }
};

class Reader {
  public:
    Reader(const std::string &name, std::optional<uint32_t> samples) : name_(name), samples_(samples) {}

    TemplateTree read(json_t *root);

  private:
    [[noreturn]] void refuse(const std::string &path, const std::string &reason) const {
        throw TemplateError(name_ + ": " + (path.empty() ? "" : "at " + path + ": ") + reason);
    }

    void read_part(std::string_view name, json_t *part);
    void read_headers(json_t *part, const std::string &path);
    TemplateNode read_text(json_t *value, const std::string &path);
    std::string read_schema(json_t *part, const std::string &path) const;

    TemplateNode read_value(json_t *value, const std::string &path);
    void read_string(json_t *string, TemplateNode *node);
    void read_object(json_t *object, TemplateNode *node);
    void read_array(json_t *array, TemplateNode *node);
    void read_repeat(json_t *object, TemplateNode *node);
    Pieces split(std::string_view text, const std::string &path);

    const std::string &name_;
    std::optional<uint32_t> samples_;
    TemplateTree result_;
    TemplateTimes times_;
    size_t repeats_ = 0;   // the number of objects with $repeat read so far
    size_t in_repeat_ = 0; // the number of nested $each that contain the present value
};

TemplateTree Reader::read(json_t *root) {
    if (!json_is_object(root))
        refuse(
            "",
            "a template is a JSON object with the member \"value\", and optionally \"key\" and \"headers\"");
    const char *name = nullptr;
    json_t *part = nullptr;
    json_object_foreach(root, name, part) read_part(name, part);
    if (json_object_get(root, "value") == nullptr)
        refuse("", "the member \"value\" is missing. It is the layout of the message");
    result_.has_repeat = repeats_ > 0;
    result_.resolution = times_.resolution();
    result_.day_zone = times_.day_zone();
    result_.name = name_;
    return std::move(result_);
}

void Reader::read_part(std::string_view name, json_t *part) {
    const std::string path = json_path("", name);
    if (name == "value") {
        if (json_is_null(part))
            refuse(path, "a message cannot be null. Give an object, an array, a text or a number");
        result_.value = read_value(part, path);
    } else if (name == "key") {
        result_.key = read_text(part, path);
    } else if (name == "headers") {
        read_headers(part, path);
    } else if (name == "schema") {
        result_.schema = read_schema(part, path);
    } else if (name == "key_schema") {
        result_.key_schema = read_schema(part, path);
    } else if (name == "format") {
        if (!json_is_string(part))
            refuse(path, "the format must be a text: json, json-schema, avro or protobuf");
        result_.format = json_string_value(part);
    } else if (name != "$comment") {
        refuse(path, "\"" + std::string(name) +
                         "\" is not a member of a template. Legal members are value (the layout of the "
                         "message), key, headers, format, schema, key_schema and $comment");
    }
}

void Reader::read_headers(json_t *part, const std::string &path) {
    if (!json_is_object(part))
        refuse(path, "headers must be an object whose values are texts");
    const char *header = nullptr;
    json_t *value = nullptr;
    json_object_foreach(part, header, value) {
        const std::string at = json_path(path, header);
        if (!json_is_string(value))
            refuse(at, "the value of a header must be a text");
        result_.headers.push_back({header, read_text(value, at)});
    }
}

// Reads a key or a header.
TemplateNode Reader::read_text(json_t *value, const std::string &path) {
    const size_t repeats = repeats_;
    TemplateNode node = read_value(value, path);
    if (repeats_ > repeats)
        refuse(path, "$repeat is legal only in \"value\"");
    return node;
}

std::string Reader::read_schema(json_t *part, const std::string &path) const {
    if (!json_is_object(part) && !json_is_array(part) && !json_is_string(part))
        refuse(path, "a schema must be an Avro schema: an object, an array or a text");
    const std::unique_ptr<char, decltype(&free)> text(json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY), free);
    return text ? text.get() : "";
}

TemplateNode Reader::read_value(json_t *value, const std::string &path) {
    TemplateNode node;
    node.path = path;
    node.constant = json_typeof(value);
    if (json_is_object(value) && is_repeat(value)) {
        read_repeat(value, &node);
    } else if (json_is_object(value)) {
        read_object(value, &node);
    } else if (json_is_array(value)) {
        read_array(value, &node);
    } else if (json_is_string(value)) {
        read_string(value, &node);
    } else {
        node.json = json_scalar_text(value);
        node.integer = json_integer_value(value);
        node.real = json_number_value(value);
    }
    return node;
}

void Reader::read_string(json_t *string, TemplateNode *node) {
    node->pieces = split({json_string_value(string), json_string_length(string)}, node->path);
    const TextPiece &first = node->pieces[0];
    const bool is_number =
        node->pieces.size() == 1 && first.before.empty() && first.placeholder && first.placeholder->is_number;
    node->kind = is_number ? TemplateNode::Kind::number : TemplateNode::Kind::text;
}

void Reader::read_object(json_t *object, TemplateNode *node) {
    node->kind = TemplateNode::Kind::object;
    const char *name = nullptr;
    json_t *value = nullptr;
    json_object_foreach(object, name, value) {
        const std::string member = json_path(node->path, name);
        node->names.push_back(split(name, member));
        node->elements.push_back(read_value(value, member));
        node->readings = std::max(node->readings, node->elements.back().readings);
    }
}

void Reader::read_array(json_t *array, TemplateNode *node) {
    node->kind = TemplateNode::Kind::array;
    for (size_t i = 0; i < json_array_size(array); i++) {
        node->elements.push_back(
            read_value(json_array_get(array, i), json_path(node->path, std::to_string(i))));
        node->readings = std::max(node->readings, node->elements.back().readings);
    }
}

void Reader::read_repeat(json_t *object, TemplateNode *node) {
    const std::string &path = node->path;
    if (const auto mistake = repeat_check(object))
        refuse(mistake->member.empty() ? path : json_path(path, mistake->member), mistake->reason);
    json_t *name = json_object_get(object, name_member);
    const size_t repeats = ++repeats_;
    node->kind = TemplateNode::Kind::repeat;
    in_repeat_++;
    if (name != nullptr)
        node->names.push_back(
            split({json_string_value(name), json_string_length(name)}, json_path(path, name_member)));
    node->elements.push_back(read_value(json_object_get(object, each_member), json_path(path, each_member)));
    in_repeat_--;

    node->stride = node->elements[0].readings;
    node->count = static_cast<size_t>(json_integer_value(json_object_get(object, repeat_member)));
    if (samples_ && repeats_ == repeats) // this $repeat contains no other $repeat
        node->count = *samples_;
    if (node->count > most_samples / node->stride)
        refuse(path, "a message has at most " + std::to_string(most_samples) + " readings");
    node->readings = node->count * node->stride;
}

Pieces Reader::split(std::string_view text, const std::string &path) {
    try {
        Pieces pieces = placeholder_split(text);
        for (const TextPiece &piece : pieces) {
            if (!piece.placeholder)
                continue;
            const Field field = piece.placeholder->field;
            result_.has_device |= field == Field::device_id || field == Field::device_number;
            times_.note(*piece.placeholder, in_repeat_ > 0);
        }
        return pieces;
    } catch (const std::invalid_argument &error) {
        refuse(path, error.what());
    }
}

} // namespace

bool has_placeholder(const Pieces &pieces) {
    return std::any_of(pieces.begin(), pieces.end(),
                       [](const TextPiece &piece) { return piece.placeholder.has_value(); });
}

std::string fixed_text(const Pieces &pieces) {
    std::string text;
    for (const TextPiece &piece : pieces)
        text += piece.before;
    return text;
}

bool TemplateNode::has_changing_names() const {
    return (kind == Kind::object || kind == Kind::repeat) &&
           std::any_of(names.begin(), names.end(),
                       [&](const Pieces &name) { return kind == Kind::repeat || has_placeholder(name); });
}

TemplateTree template_tree(std::string_view json, const std::string &name, std::optional<uint32_t> samples) {
    json_error_t error;
    const std::unique_ptr<json_t, JsonDestroy> root(json_loadb(
        json.data(), json.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error));
    if (!root)
        throw TemplateError(name + ": line " + std::to_string(error.line) + ", column " +
                            std::to_string(error.column) + ": " + error.text);
    return Reader(name, samples).read(root.get());
}

} // namespace heartbeat::generator
