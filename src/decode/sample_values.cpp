// Finds texts that are numbers or times. This file uses the same functions as the mapped decoder, so the
// mapped decoder can read each of these texts.
#include "decode/sample_values.h"

#include "decode/number_text.h"
#include "decode/timestamp.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr size_t longest_example = 128;

void add_number(double number, SampleValues *values) {
    values->least = std::min(values->least, number);
    values->most = std::max(values->most, number);
}

// Counts an integer that the schema declares as a time. The same counters also count the texts that are
// times.
void add_time(TimeScale scale, SampleValues *values) {
    if (scale == TimeScale::days)
        values->dates++;
    else if (scale >= TimeScale::day_ms && scale <= TimeScale::day_ns)
        values->times_of_day++;
    else
        values->times++;
}

bool is_time(std::string_view text) {
    TimestampParts parts;
    return timestamp_parse_parts(text, &parts);
}

} // namespace

bool sample_is_number_or_time(std::string_view text) noexcept {
    ValueNode number{};
    return is_time(text) || number_parse(text, &number) == NumberText::number;
}

size_t sample_add_text(std::string_view text, SampleValues *values) {
    values->values++;
    values->texts++;
    values->longest = std::max(values->longest, text.size());
    TimestampParts parts;
    int64_t midnight = 0;
    ValueNode number{};
    if (is_time(text)) {
        values->times++;
    } else if (number_parse(text, &number) == NumberText::number) {
        values->number_texts++;
        add_number(number.number(), values);
    }
    values->times_of_day += timestamp_parse_time_of_day(text, &parts);
    values->dates += timestamp_parse_date(text, &midnight);

    std::vector<std::string> &examples = values->examples;
    const auto found = std::find(examples.begin(), examples.end(), text);
    if (found != examples.end())
        return static_cast<size_t>(found - examples.begin()) + 1;
    if (examples.size() == sample_examples_max || text.size() > longest_example) {
        values->many_examples = true;
        return 0;
    }
    examples.emplace_back(text);
    return examples.size();
}

void sample_add_scalar(const ValueNode &node, SampleValues *values) {
    if (node.type == ValueType::null)
        return;
    values->values++;
    if (!node.is_number())
        return;
    if (node.scale() != TimeScale::none)
        return add_time(node.scale(), values);
    values->numbers++;
    values->integers += node.type == ValueType::integer;
    add_number(node.number(), values);
}

} // namespace heartbeat
