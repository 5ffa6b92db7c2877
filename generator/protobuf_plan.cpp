// Generator, formats: makes the plan that writes a template's messages in Protobuf.
//
// A field consists of a tag and a value. The tag has the field's number and its wire type. The value of a
// text, a message or an array of numbers begins with its length in bytes.
#include "protobuf_plan.h"

#include "template_compile.h"

namespace heartbeat::generator {

namespace {

using Kind = Shape::Kind;

enum WireType : uint8_t { wire_varint = 0, wire_64_bits = 1, wire_sized = 2 };

bool is_sized(Kind kind) {
    return kind == Kind::text || kind == Kind::nothing || kind == Kind::record;
}

WireType wire_type(Kind kind) {
    if (is_sized(kind))
        return wire_sized;
    return kind == Kind::real ? wire_64_bits : wire_varint;
}

void add_tag(int number, WireType type, BinarySteps *steps) {
    append_varint(static_cast<uint64_t>(number) << 3 | type, &steps->bytes);
}

// Makes the plan write the length of the bytes of `inner`, and then these bytes. If `inner` writes the same
// bytes in each message, their length and the bytes become fixed bytes of the plan.
void add_nested(BinarySteps inner, BinarySteps *steps) {
    std::vector<BinaryStep> done = inner.finish();
    const bool is_fixed = done.empty() || (done.size() == 1 && done[0].kind == BinaryStep::Kind::bytes);
    if (!is_fixed) {
        steps->add(BinaryStep::Kind::nested).inner = std::move(done);
        return;
    }
    const std::string bytes = done.empty() ? "" : done[0].before;
    append_varint(bytes.size(), &steps->bytes);
    steps->bytes += bytes;
}

void add_text(const Pieces &pieces, BinarySteps *steps) {
    if (has_placeholder(pieces)) {
        steps->add(BinaryStep::Kind::text).text = template_text_steps(pieces);
        return;
    }
    const std::string text = fixed_text(pieces);
    append_varint(text.size(), &steps->bytes);
    steps->bytes += text;
}

void add_message(const TemplateNode &node, const Shape &shape, BinarySteps *steps);

// Adds one value without a tag. The caller adds the tag.
void add_single(const TemplateNode &node, const Shape &shape, BinarySteps *steps) {
    switch (shape.kind) {
    case Kind::record: {
        BinarySteps inner;
        add_message(node, shape, &inner);
        return add_nested(std::move(inner), steps);
    }
    case Kind::text:
        return add_text(node.pieces, steps);
    case Kind::boolean:
        steps->bytes.push_back(node.constant == JSON_TRUE ? '\1' : '\0');
        return;
    default:
        break;
    }
    const bool is_real = shape.kind == Kind::real;
    if (node.kind == TemplateNode::Kind::number) {
        BinaryStep &step = steps->add(BinaryStep::Kind::number);
        step.placeholder = *node.pieces[0].placeholder;
        step.code = is_real ? NumberCode::float64 : NumberCode::varint;
    } else if (is_real) {
        append_double(node.real, &steps->bytes);
    } else {
        append_varint(static_cast<uint64_t>(node.integer), &steps->bytes);
    }
}

// Adds the elements of an array or a map. `add_element` adds one element. A node of the kind `repeat` has
// only one element: the plan gets one step that writes this element several times.
template <typename AddElement>
void add_elements(const TemplateNode &node, BinarySteps *steps, AddElement add_element) {
    if (node.kind != TemplateNode::Kind::repeat) {
        for (size_t i = 0; i < node.elements.size(); i++)
            add_element(i, steps);
        return;
    }
    BinarySteps inner;
    add_element(0, &inner);
    BinaryStep &step = steps->add(BinaryStep::Kind::repeat);
    step.count = node.count;
    step.stride = node.stride;
    step.inner = inner.finish();
}

void add_array(const TemplateNode &node, const Shape &shape, int number, BinarySteps *steps) {
    const Shape &element = shape.element();
    if (is_sized(element.kind))
        return add_elements(node, steps, [&](size_t i, BinarySteps *inner) {
            add_tag(number, wire_sized, inner);
            add_single(node.elements[i], element, inner);
        });
    BinarySteps packed;
    add_elements(node, &packed,
                 [&](size_t i, BinarySteps *inner) { add_single(node.elements[i], element, inner); });
    add_tag(number, wire_sized, steps);
    add_nested(std::move(packed), steps);
}

// Protobuf encodes each member of a map as a message: field 1 is the name, and field 2 is the value.
void add_map(const TemplateNode &node, const Shape &shape, int number, BinarySteps *steps) {
    add_elements(node, steps, [&](size_t i, BinarySteps *inner) {
        BinarySteps entry;
        add_tag(1, wire_sized, &entry);
        add_text(node.names[i], &entry);
        add_tag(2, wire_type(shape.element().kind), &entry);
        add_single(node.elements[i], shape.element(), &entry);
        add_tag(number, wire_sized, inner);
        add_nested(std::move(entry), inner);
    });
}

void add_message(const TemplateNode &node, const Shape &shape, BinarySteps *steps) {
    int number = 0;
    for (size_t i = 0; i < shape.elements.size(); i++) {
        const Shape &field = shape.elements[i];
        if (field.kind == Kind::null)
            continue;
        number++;
        if (field.kind == Kind::array) {
            add_array(node.elements[i], field, number, steps);
        } else if (field.kind == Kind::map) {
            add_map(node.elements[i], field, number, steps);
        } else {
            add_tag(number, wire_type(field.kind), steps);
            add_single(node.elements[i], field, steps);
        }
    }
}

} // namespace

BinaryPlan protobuf_plan(const TemplateNode &node, const Shape &shape) {
    BinarySteps steps;
    add_message(node, shape, &steps);
    return {steps.finish(), false};
}

} // namespace heartbeat::generator
