// Collects the places of a mapping into a tree of names.
#include "decode/wanted_values.h"

namespace heartbeat {

namespace {

using Path = std::vector<PlaceSegment>;

void count_one(size_t *count) {
    if (++*count > wanted_values_max)
        throw WantedTooMuch();
}

WantedValue *child_of(WantedValue *value, const PlaceSegment &segment, size_t *count) {
    if (segment.any) {
        if (value->others == nullptr) {
            count_one(count);
            value->others = std::make_unique<WantedValue>();
        }
        return value->others.get();
    }
    for (WantedValue &child : value->children)
        if (child.name == segment.name)
            return &child;
    count_one(count);
    WantedValue &child = value->children.emplace_back();
    child.name = segment.name;
    child.number = segment.number;
    return &child;
}

void merge(WantedValue *into, const WantedValue &from, size_t *count) {
    into->whole = into->whole || from.whole;
    into->is_time = into->is_time || from.is_time;
    for (const WantedValue &child : from.children)
        merge(child_of(into, {child.name, child.number, false}, count), child, count);
    if (from.others != nullptr)
        merge(child_of(into, {{}, no_value, true}, count), *from.others, count);
}

// A place with `*` reads all children of a value, and its rules are in `others`. But child() returns `others`
// only for a child that is not in `children`. So this function adds the rules of `others` to each element of
// `children`.
void merge_others(WantedValue *value, size_t *count) {
    if (value->others != nullptr)
        for (WantedValue &child : value->children)
            merge(&child, *value->others, count);
    for (WantedValue &child : value->children)
        merge_others(&child, count);
    if (value->others != nullptr)
        merge_others(value->others.get(), count);
}

class Collector {
  public:
    Collector(const Mapping &mapping, PlaceRoot root) : mapping_(mapping), root_(root) {
        for (const Place &place : mapping.each) {
            Path path = lists_.empty() ? Path{} : lists_.back();
            path.insert(path.end(), place.segments.begin(), place.segments.end());
            path.push_back({{}, no_value, true});
            lists_.push_back(std::move(path));
        }
    }

    WantedValue collect() {
        if (root_ == PlaceRoot::value)
            for (const Path &list : lists_)
                follow(list);
        for (const TextField *field : {&mapping_.customer_id, &mapping_.device_id})
            for (const Place &place : field->places)
                add(place);
        add(mapping_.heart_rate.place);
        const TimeField &time = mapping_.event_timestamp;
        add_time(time.place);
        if (time.date)
            add_time(*time.date);
        if (time.plus)
            add(*time.plus);
        for (const auto *conditions :
             {&mapping_.when_envelope, &mapping_.when_message, &mapping_.when_outer, &mapping_.when_element})
            for (const Condition &condition : *conditions)
                add(condition.place);
        merge_others(&wanted_, &count_);
        return std::move(wanted_);
    }

  private:
    WantedValue *follow(const Path &path) {
        WantedValue *value = &wanted_;
        for (const PlaceSegment &segment : path)
            value = child_of(value, segment, &count_);
        return value;
    }

    // Returns nullptr if the place is not in the part `root_` of the message.
    WantedValue *add(const Place &place) {
        const bool in_list = place.root == PlaceRoot::each || place.root == PlaceRoot::outer;
        if (place.root != root_ && !(in_list && root_ == PlaceRoot::value))
            return nullptr;
        Path path = !in_list ? Path{} : place.root == PlaceRoot::each ? lists_.back() : lists_.front();
        path.insert(path.end(), place.segments.begin(), place.segments.end());
        WantedValue *const value = follow(path);
        value->whole = true;
        return value;
    }

    void add_time(const Place &place) {
        if (WantedValue *const value = add(place); value != nullptr)
            value->is_time = true;
    }

    const Mapping &mapping_;
    const PlaceRoot root_;
    std::vector<Path> lists_; // for each list: the path to the elements of the list
    WantedValue wanted_;
    size_t count_ = 0; // the number of values in wanted_
};

} // namespace

const WantedValue *WantedValue::child(std::string_view member) const noexcept {
    for (const WantedValue &child : children)
        if (child.name == member)
            return &child;
    return others.get();
}

const WantedValue *WantedValue::child(uint32_t element) const noexcept {
    for (const WantedValue &child : children)
        if (child.number == element)
            return &child;
    return others.get();
}

WantedValue wanted_values(const Mapping &mapping, PlaceRoot root) {
    return Collector(mapping, root).collect();
}

} // namespace heartbeat
