// Generator, templates: makes a MessageTemplate from a template.
//
// The compiler walks through the tree once. The compiler adds a step for each placeholder and for each
// $repeat. A step also has the literal text before its placeholder or $repeat.
#include "template_compile.h"

#include "json_text.h"

namespace heartbeat::generator {

namespace {

// The steps that the compiler has made so far. `text` is the literal text after the last step: the next step
// begins with this text.
struct Steps {
    std::vector<Step> done;
    std::string text;

    Step &add(Step::Kind kind) {
        done.push_back({std::move(text), kind});
        text.clear();
        return done.back();
    }
    void add_pieces(const Pieces &pieces, bool escape) {
        for (const TextPiece &piece : pieces) {
            text += escape ? json_escaped(piece.before) : piece.before;
            if (piece.placeholder)
                add(Step::Kind::field).placeholder = *piece.placeholder;
        }
    }
    std::vector<Step> finish() {
        if (!text.empty())
            add(Step::Kind::text);
        return std::move(done);
    }
};

void add_value(const TemplateNode &node, Steps *steps);

void add_object(const TemplateNode &node, Steps *steps) {
    steps->text += '{';
    for (size_t i = 0; i < node.elements.size(); i++) {
        steps->text += i == 0 ? "\"" : ",\"";
        steps->add_pieces(node.names[i], true);
        steps->text += "\":";
        add_value(node.elements[i], steps);
    }
    steps->text += '}';
}

void add_array(const TemplateNode &node, Steps *steps) {
    steps->text += '[';
    for (size_t i = 0; i < node.elements.size(); i++) {
        if (i > 0)
            steps->text += ',';
        add_value(node.elements[i], steps);
    }
    steps->text += ']';
}

void add_repeat(const TemplateNode &node, Steps *steps) {
    Steps each;
    if (!node.names.empty()) {
        each.text += '"';
        each.add_pieces(node.names[0], true);
        each.text += "\":";
    }
    add_value(node.elements[0], &each);
    Step &step = steps->add(Step::Kind::repeat);
    step.is_object = !node.names.empty();
    step.count = node.count;
    step.stride = node.stride;
    step.each = each.finish();
}

void add_value(const TemplateNode &node, Steps *steps) {
    switch (node.kind) {
    case TemplateNode::Kind::object:
        return add_object(node, steps);
    case TemplateNode::Kind::array:
        return add_array(node, steps);
    case TemplateNode::Kind::repeat:
        return add_repeat(node, steps);
    case TemplateNode::Kind::text:
        steps->text += '"';
        steps->add_pieces(node.pieces, true);
        steps->text += '"';
        return;
    case TemplateNode::Kind::number:
        return steps->add_pieces(node.pieces, true);
    case TemplateNode::Kind::constant:
        steps->text += node.json;
    }
}

// Compiles a key or a header. If the value is a JSON string, the steps write the string without quotes. The
// steps write any other value as JSON.
std::vector<Step> compile_text(const TemplateNode &node) {
    if (node.kind == TemplateNode::Kind::text)
        return template_text_steps(node.pieces);
    Steps steps;
    add_value(node, &steps);
    return steps.finish();
}

} // namespace

std::vector<Step> template_text_steps(const Pieces &pieces) {
    Steps steps;
    steps.add_pieces(pieces, false);
    return steps.finish();
}

MessageTemplate template_compile(const TemplateTree &tree) {
    MessageTemplate result;
    Steps steps;
    add_value(tree.value, &steps);
    result.value = steps.finish();
    if (tree.key)
        result.key = compile_text(*tree.key);
    for (const HeaderNode &header : tree.headers)
        result.headers.push_back({header.name, compile_text(header.value)});
    result.samples = tree.value.readings;
    result.resolution = tree.resolution;
    result.has_repeat = tree.has_repeat;
    result.has_device = tree.has_device;
    result.day_zone = tree.day_zone;
    return result;
}

MessageTemplate template_compile(std::string_view json, const std::string &name,
                                 std::optional<uint32_t> samples) {
    auto tree = std::make_shared<const TemplateTree>(template_tree(json, name, samples));
    MessageTemplate result = template_compile(*tree);
    result.tree = std::move(tree);
    return result;
}

} // namespace heartbeat::generator
