// Generator, formats: makes the plan that writes a template's messages in Avro.
//
// The type of each value of a template is known before the first message. So the plan already contains the
// bytes of these parts: the branch of each union, the index of each enum symbol, and the default of each
// field that the template lacks.
#include "avro_plan.h"

#include "avro_scalars.h"
#include "shape.h"
#include "template_compile.h"

#include <algorithm>
#include <optional>

namespace heartbeat::generator {

namespace {

using Kind = AvroType::Kind;
using NodeKind = TemplateNode::Kind;

void add_text(const Pieces &pieces, BinarySteps *steps) {
    if (has_placeholder(pieces)) {
        steps->add(BinaryStep::Kind::text).text = template_text_steps(pieces);
        return;
    }
    const std::string text = fixed_text(pieces);
    append_zigzag(static_cast<int64_t>(text.size()), &steps->bytes);
    steps->bytes += text;
}

// Returns false for the types that add_choice() tries last: float and double for a whole number, and int and
// long for any other number. For example, a union can have the types long and double.
bool is_natural(const TemplateNode &node, const AvroType &type) {
    switch (type.kind) {
    case Kind::float32:
    case Kind::float64:
        return node.kind == NodeKind::number ? !placeholder_is_whole(*node.pieces[0].placeholder)
                                             : node.constant == JSON_REAL;
    case Kind::int32:
    case Kind::int64:
        return node.kind == NodeKind::number ? placeholder_is_whole(*node.pieces[0].placeholder)
                                             : node.constant == JSON_INTEGER;
    default:
        return true;
    }
}

class Compiler {
  public:
    explicit Compiler(const std::string &name) : name_(name) {}

    void add(const TemplateNode &node, const AvroType &type, BinarySteps *steps) {
        switch (type.kind) {
        case Kind::choice:
            return add_choice(node, type, steps);
        case Kind::record:
            return add_record(node, type, steps);
        case Kind::array:
        case Kind::map:
            return add_container(node, type, steps);
        case Kind::string:
        case Kind::bytes:
            if (node.kind == NodeKind::text)
                return add_text(node.pieces, steps);
            break;
        default:
            break;
        }
        if (const auto problem = avro_add_scalar(node, type, steps))
            refuse(node, *problem);
    }

  private:
    [[noreturn]] void refuse(const TemplateNode &node, const std::string &reason) const {
        throw TemplateError(name_ + ": at " + node.path + ": " + reason);
    }

    void add_choice(const TemplateNode &node, const AvroType &type, BinarySteps *steps) {
        std::string reason;
        for (const bool natural : {true, false}) {
            for (size_t branch = 0; branch < type.types.size(); branch++) {
                if (is_natural(node, *type.types[branch]) != natural)
                    continue;
                BinarySteps attempt;
                try {
                    add(node, *type.types[branch], &attempt);
                } catch (const TemplateError &error) {
                    if (type.types[branch]->kind != Kind::null)
                        reason = error.what();
                    continue;
                }
                append_zigzag(static_cast<int64_t>(branch), &steps->bytes);
                append(std::move(attempt), steps);
                return;
            }
        }
        if (reason.empty())
            refuse(node, "the schema allows only null");
        throw TemplateError(reason);
    }

    static void append(BinarySteps from, BinarySteps *steps) {
        for (BinaryStep &step : from.done) {
            step.before = std::move(steps->bytes) + step.before;
            steps->bytes.clear();
            steps->done.push_back(std::move(step));
        }
        steps->bytes += from.bytes;
    }

    // Returns the index of the member of `node` for a field of the schema. The member has the field's name,
    // or a name that legal_name() changes to the field's name.
    static std::optional<size_t> member_of(const TemplateNode &node, const std::string &field) {
        for (size_t i = 0; i < node.names.size(); i++) {
            const std::string name = fixed_text(node.names[i]);
            if (name == field || legal_name(name) == field)
                return i;
        }
        return std::nullopt;
    }

    void add_record(const TemplateNode &node, const AvroType &type, BinarySteps *steps) {
        if (node.kind != NodeKind::object || node.has_changing_names())
            refuse(node, avro_cannot(node, type));
        std::vector<bool> used(node.elements.size());
        for (size_t i = 0; i < type.names.size(); i++) {
            const auto member = member_of(node, type.names[i]);
            if (member) {
                used[*member] = true;
                add(node.elements[*member], *type.types[i], steps);
            } else if (type.defaults[i] == nullptr) {
                refuse(node, "the member \"" + type.names[i] + "\" is missing. The schema's record " +
                                 type.name + " has this field, and no default for it");
            } else if (!avro_append_default(type.defaults[i], *type.types[i], &steps->bytes)) {
                refuse(node, "the default of the field \"" + type.names[i] + "\" of the schema's record " +
                                 type.name + " does not fit its type");
            }
        }
        for (size_t i = 0; i < used.size(); i++) {
            if (!used[i])
                refuse(node.elements[i], "the schema's record " + type.name + " has no field with this name");
        }
    }

    void add_container(const TemplateNode &node, const AvroType &type, BinarySteps *steps) {
        const bool is_map = node.kind == NodeKind::object || !node.names.empty();
        const bool is_container = is_map || node.kind == NodeKind::array || node.kind == NodeKind::repeat;
        if (!is_container || is_map != (type.kind == Kind::map))
            refuse(node, avro_cannot(node, type));
        const AvroType &element = *type.types[0];
        if (node.kind == NodeKind::repeat) {
            BinarySteps inner;
            if (is_map)
                add_text(node.names[0], &inner);
            add(node.elements[0], element, &inner);
            BinaryStep &step = steps->add(BinaryStep::Kind::repeat);
            step.count = node.count;
            step.stride = node.stride;
            step.inner = inner.finish();
            return;
        }
        if (!node.elements.empty())
            append_zigzag(static_cast<int64_t>(node.elements.size()), &steps->bytes);
        for (size_t i = 0; i < node.elements.size(); i++) {
            if (is_map)
                add_text(node.names[i], steps);
            add(node.elements[i], element, steps);
        }
        append_zigzag(0, &steps->bytes);
    }

    const std::string &name_;
};

} // namespace

BinaryPlan avro_plan(const TemplateNode &node, const AvroSchema &schema, const std::string &name) {
    BinarySteps steps;
    Compiler(name).add(node, schema.root(), &steps);
    return {steps.finish(), true};
}

} // namespace heartbeat::generator
