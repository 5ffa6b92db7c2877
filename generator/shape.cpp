// Generator, formats: finds the type of the values that a template writes.
#include "shape.h"

#include <set>

namespace heartbeat::generator {

namespace {

using Kind = Shape::Kind;

std::string kind_name(Kind kind) {
    switch (kind) {
    case Kind::null:
    case Kind::nothing:
        return "null";
    case Kind::boolean:
        return "true or false";
    case Kind::integer:
    case Kind::real:
        return "a number";
    case Kind::millis:
    case Kind::micros:
    case Kind::nanos:
        return "a time";
    case Kind::text:
        return "a text";
    case Kind::record:
    case Kind::map:
        return "an object";
    case Kind::array:
        return "an array";
    }
    return "";
}

class ShapeMaker {
  public:
    explicit ShapeMaker(const std::string &name) : name_(name) {}

    Shape derive(const TemplateNode &node) const {
        Shape shape;
        shape.path = node.path;
        switch (node.kind) {
        case TemplateNode::Kind::object:
            derive_object(node, &shape);
            break;
        case TemplateNode::Kind::array:
        case TemplateNode::Kind::repeat:
            shape.kind = node.names.empty() ? Kind::array : Kind::map;
            shape.elements.push_back(common(node));
            break;
        case TemplateNode::Kind::text:
            shape.kind = Kind::text;
            break;
        case TemplateNode::Kind::number:
            shape.kind = kind_of(*node.pieces[0].placeholder);
            break;
        case TemplateNode::Kind::constant:
            shape.kind = kind_of(node.constant);
            break;
        }
        return shape;
    }

    // Gives each record a name. The name of an inner record begins with the name of its outer record.
    void name_records(Shape *shape, const std::string &wanted) {
        if (shape->kind == Kind::record) {
            shape->type_name = wanted;
            for (int number = 2; !type_names_.insert(shape->type_name).second; number++)
                shape->type_name = wanted + std::to_string(number);
        }
        for (size_t i = 0; i < shape->elements.size(); i++)
            name_records(&shape->elements[i],
                         shape->kind == Kind::record ? wanted + "_" + legal_name(shape->names[i]) : wanted);
    }

  private:
    [[noreturn]] void refuse(const std::string &path, const std::string &reason) const {
        throw TemplateError(name_ + ": at " + path + ": " + reason);
    }

    void derive_object(const TemplateNode &node, Shape *shape) const {
        if (node.has_changing_names()) {
            shape->kind = Kind::map;
            shape->elements.push_back(common(node));
            return;
        }
        shape->kind = Kind::record;
        std::set<std::string> known;
        for (size_t i = 0; i < node.elements.size(); i++) {
            shape->names.push_back(fixed_text(node.names[i]));
            shape->elements.push_back(derive(node.elements[i]));
            if (!known.insert(legal_name(shape->names[i])).second)
                refuse(node.elements[i].path, "another member of the object has the same name in a schema, "
                                              "where only letters, digits and _ are legal");
        }
    }

    // Returns one type for all elements, or refuses the template. For example, the type of [1, 2.5] is real.
    Shape common(const TemplateNode &node) const {
        Shape shape;
        shape.path = node.path;
        for (const TemplateNode &element : node.elements)
            unite(derive(element), &shape);
        return shape;
    }

    void unite(Shape other, Shape *shape) const {
        if (shape->kind == Kind::nothing) {
            *shape = std::move(other);
            return;
        }
        if (other.kind == Kind::nothing)
            return;
        const bool numbers = (shape->kind == Kind::integer && other.kind == Kind::real) ||
                             (shape->kind == Kind::real && other.kind == Kind::integer);
        if (shape->kind != other.kind && !numbers)
            refuse(other.path, "the elements of an array, and the values of an object with changing names, "
                               "must have one type in a schema. This is " +
                                   kind_name(other.kind) + ", and the first one is " +
                                   kind_name(shape->kind));
        if (numbers)
            shape->kind = Kind::real;
        if (shape->names != other.names)
            refuse(other.path, "the objects of an array must have the same members in a schema");
        for (size_t i = 0; i < shape->elements.size(); i++)
            unite(std::move(other.elements[i]), &shape->elements[i]);
    }

    static Kind kind_of(json_type constant) {
        switch (constant) {
        case JSON_NULL:
            return Kind::null;
        case JSON_INTEGER:
            return Kind::integer;
        case JSON_REAL:
            return Kind::real;
        default:
            return Kind::boolean;
        }
    }

    // Avro has logical types for times in milliseconds and finer units, but not for times in seconds. So a
    // time in whole seconds has the type integer.
    static Kind kind_of(const Placeholder &placeholder) {
        const TimeFormat &format = placeholder.format;
        switch (placeholder.field) {
        case Field::heart_rate:
            return Kind::real;
        case Field::time:
        case Field::start_time:
        case Field::end_time:
            if (format.per_unit() > 1)
                return Kind::real;
            if (format.count(1'000'000) == 1'000'000'000)
                return Kind::nanos;
            return format.resolution() == 1      ? Kind::micros
                   : format.resolution() == 1000 ? Kind::millis
                                                 : Kind::integer;
        case Field::offset:
        case Field::duration:
            return format.per_unit() > 1 ? Kind::real : Kind::integer;
        default:
            return Kind::integer;
        }
    }

    const std::string &name_;
    std::set<std::string> type_names_;
};

} // namespace

Shape shape_of(const TemplateNode &node, const std::string &name) {
    ShapeMaker maker(name);
    Shape shape = maker.derive(node);
    maker.name_records(&shape, "Message");
    return shape;
}

std::string legal_name(const std::string &name) {
    std::string legal;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        const bool digit = c >= '0' && c <= '9';
        if (legal.empty() && digit)
            legal += '_';
        legal += letter || digit ? c : '_';
    }
    return legal.empty() ? "_" : legal;
}

} // namespace heartbeat::generator
