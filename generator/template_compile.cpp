// Generator, templates: makes a MessageTemplate from the JSON text of a template.
//
// The compiler walks through the JSON once. It collects the literal text between two placeholders, and adds a
// step for each placeholder and for each $repeat. jansson keeps the order of the members of an object.
#include "template_compile.h"

#include "json_text.h"
#include "template_repeat.h"
#include "template_times.h"

#include <algorithm>
#include <memory>

namespace heartbeat::generator {

namespace {

struct JsonDestroy {
    void operator()(json_t *json) const { json_decref(json); }
};

// Unfinished steps. `text` is the text since the last step, and becomes the beginning of the next step.
struct Steps {
    std::vector<Step> done;
    std::string text;

    Step &add(Step::Kind kind) {
        done.push_back({std::move(text), kind});
        text.clear();
        return done.back();
    }
    std::vector<Step> finish() {
        if (!text.empty())
            add(Step::Kind::text);
        return std::move(done);
    }
};

class Compiler {
  public:
    Compiler(const std::string &name, std::optional<uint32_t> samples) : name_(name), samples_(samples) {}

    MessageTemplate compile(json_t *root);

  private:
    [[noreturn]] void refuse(const std::string &path, const std::string &reason) const {
        throw TemplateError(name_ + ": " + (path.empty() ? "" : "at " + path + ": ") + reason);
    }

    void add_part(std::string_view name, json_t *part);
    void add_header(const char *name, json_t *value, const std::string &path);
    std::vector<Step> compile_text(json_t *value, const std::string &path);

    // Each of these functions returns the number of readings in the value, at least 1.
    size_t add_value(json_t *value, const std::string &path, Steps *steps);
    size_t add_string(json_t *string, const std::string &path, Steps *steps);
    size_t add_object(json_t *object, const std::string &path, Steps *steps);
    size_t add_array(json_t *array, const std::string &path, Steps *steps);
    size_t add_repeat(json_t *object, const std::string &path, Steps *steps);

    std::vector<TextPiece> split(std::string_view text, const std::string &path) const;
    void add_pieces(std::vector<TextPiece> pieces, bool escape, Steps *steps);

    const std::string &name_;
    std::optional<uint32_t> samples_;
    MessageTemplate result_;
    TemplateTimes times_;
    size_t repeats_ = 0;   // how many $repeat were read so far
    size_t in_repeat_ = 0; // how many nested $each contain the present value
};

MessageTemplate Compiler::compile(json_t *root) {
    if (!json_is_object(root))
        refuse(
            "",
            "a template is a JSON object with the member \"value\", and optionally \"key\" and \"headers\"");
    const char *name = nullptr;
    json_t *part = nullptr;
    json_object_foreach(root, name, part) add_part(name, part);
    if (json_object_get(root, "value") == nullptr)
        refuse("", "the member \"value\" is missing. It is the layout of the message");
    result_.has_repeat = repeats_ > 0;
    result_.resolution = times_.resolution();
    result_.day_zone = times_.day_zone();
    return std::move(result_);
}

void Compiler::add_part(std::string_view name, json_t *part) {
    const std::string path = json_path("", name);
    if (name == "value") {
        if (json_is_null(part))
            refuse(path, "a message cannot be null. Give an object, an array, a text or a number");
        Steps steps;
        result_.samples = add_value(part, path, &steps);
        result_.value = steps.finish();
    } else if (name == "key") {
        result_.key = compile_text(part, path);
    } else if (name == "headers") {
        if (!json_is_object(part))
            refuse(path, "headers must be an object whose values are texts");
        const char *header = nullptr;
        json_t *value = nullptr;
        json_object_foreach(part, header, value) add_header(header, value, json_path(path, header));
    } else if (name != "$comment") {
        refuse(path,
               "\"" + std::string(name) +
                   "\" is not a member of a template. Legal members are value (the layout of the message), "
                   "key, headers and $comment");
    }
}

void Compiler::add_header(const char *name, json_t *value, const std::string &path) {
    if (!json_is_string(value))
        refuse(path, "the value of a header must be a text");
    result_.headers.push_back({name, compile_text(value, path)});
}

// Compiles a key or a header. A JSON string is written without quotes, and any other value as JSON.
std::vector<Step> Compiler::compile_text(json_t *value, const std::string &path) {
    Steps steps;
    const size_t repeats = repeats_;
    if (json_is_string(value))
        add_pieces(split({json_string_value(value), json_string_length(value)}, path), false, &steps);
    else
        add_value(value, path, &steps);
    if (repeats_ > repeats)
        refuse(path, "$repeat is legal only in \"value\"");
    return steps.finish();
}

size_t Compiler::add_value(json_t *value, const std::string &path, Steps *steps) {
    if (json_is_object(value))
        return add_object(value, path, steps);
    if (json_is_array(value))
        return add_array(value, path, steps);
    if (json_is_string(value))
        return add_string(value, path, steps);
    steps->text += json_scalar_text(value);
    return 1;
}

size_t Compiler::add_string(json_t *string, const std::string &path, Steps *steps) {
    std::vector<TextPiece> pieces = split({json_string_value(string), json_string_length(string)}, path);
    const bool is_number = pieces.size() == 1 && pieces[0].before.empty() && pieces[0].placeholder &&
                           pieces[0].placeholder->is_number;
    const char *quote = is_number ? "" : "\"";
    steps->text += quote;
    add_pieces(std::move(pieces), true, steps);
    steps->text += quote;
    return 1;
}

size_t Compiler::add_object(json_t *object, const std::string &path, Steps *steps) {
    if (is_repeat(object))
        return add_repeat(object, path, steps);
    size_t readings = 1;
    const char *before = "{\"";
    const char *name = nullptr;
    json_t *value = nullptr;
    json_object_foreach(object, name, value) {
        const std::string member = json_path(path, name);
        steps->text += before;
        add_pieces(split(name, member), true, steps);
        steps->text += "\":";
        readings = std::max(readings, add_value(value, member, steps));
        before = ",\"";
    }
    steps->text += json_object_size(object) == 0 ? "{}" : "}";
    return readings;
}

size_t Compiler::add_array(json_t *array, const std::string &path, Steps *steps) {
    size_t readings = 1;
    steps->text += '[';
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            steps->text += ',';
        readings = std::max(readings,
                            add_value(json_array_get(array, i), json_path(path, std::to_string(i)), steps));
    }
    steps->text += ']';
    return readings;
}

size_t Compiler::add_repeat(json_t *object, const std::string &path, Steps *steps) {
    if (const auto mistake = repeat_check(object))
        refuse(mistake->member.empty() ? path : json_path(path, mistake->member), mistake->reason);
    json_t *name = json_object_get(object, name_member);
    const size_t repeats = ++repeats_;
    Steps each;
    in_repeat_++;
    if (name != nullptr) {
        each.text += '"';
        add_pieces(split({json_string_value(name), json_string_length(name)}, json_path(path, name_member)),
                   true, &each);
        each.text += "\":";
    }
    const size_t stride =
        add_value(json_object_get(object, each_member), json_path(path, each_member), &each);
    in_repeat_--;

    auto count = static_cast<size_t>(json_integer_value(json_object_get(object, repeat_member)));
    if (samples_ && repeats_ == repeats) // this $repeat contains no other $repeat
        count = *samples_;
    if (count > most_samples / stride)
        refuse(path, "a message has at most " + std::to_string(most_samples) + " readings");
    Step &step = steps->add(Step::Kind::repeat);
    step.is_object = name != nullptr;
    step.count = count;
    step.stride = stride;
    step.each = each.finish();
    return count * stride;
}

std::vector<TextPiece> Compiler::split(std::string_view text, const std::string &path) const {
    try {
        return placeholder_split(text);
    } catch (const std::invalid_argument &error) {
        refuse(path, error.what());
    }
}

void Compiler::add_pieces(std::vector<TextPiece> pieces, bool escape, Steps *steps) {
    for (TextPiece &piece : pieces) {
        steps->text += escape ? json_escaped(piece.before) : piece.before;
        if (!piece.placeholder)
            continue;
        const Field field = piece.placeholder->field;
        result_.has_device |= field == Field::device_id || field == Field::device_number;
        times_.note(*piece.placeholder, in_repeat_ > 0);
        steps->add(Step::Kind::field).placeholder = std::move(*piece.placeholder);
    }
}

} // namespace

MessageTemplate template_compile(std::string_view json, const std::string &name,
                                 std::optional<uint32_t> samples) {
    json_error_t error;
    const std::unique_ptr<json_t, JsonDestroy> root(json_loadb(
        json.data(), json.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error));
    if (!root)
        throw TemplateError(name + ": line " + std::to_string(error.line) + ", column " +
                            std::to_string(error.column) + ": " + error.text);
    return Compiler(name, samples).compile(root.get());
}

} // namespace heartbeat::generator
