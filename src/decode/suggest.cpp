// Tries the presets first, then the best combinations of proposed fields. If none of these mappings can read
// a message, this file also tries fields whose names do not show a heart rate.
#include "decode/suggest.h"

#include "decode/presets.h"
#include "decode/suggest_mapping.h"
#include "decode/suggest_trial.h"

#include <algorithm>
#include <new>
#include <string>
#include <vector>

namespace heartbeat {

namespace {

constexpr int points_preset = 1000;
constexpr size_t rates_tried = 8, times_tried = 3, customers_tried = 2;

struct Found {
    const Preset *preset; // nullptr: the mapping is not a preset
    std::string mapping;
    Trial trial;
    int points;
    size_t rate; // the index of the heart rate in the result of propose_rates()
};

bool is_better(const Found &left, const Found &right) {
    return left.trial.fits != right.trial.fits ? left.trial.fits > right.trial.fits
                                               : left.points > right.points;
}

void try_presets(const SampleTrials &trials, std::vector<Found> *found) {
    for (const Preset &preset : presets()) {
        if (preset.format != message_format_names[static_cast<size_t>(trials.schemas().format)])
            continue;
        Trial trial = trials.of_mapping(preset.mapping);
        if (trial.fits > 0)
            found->push_back({&preset, "", std::move(trial), points_preset, SIZE_MAX});
    }
}

void try_rate(const SampleTrials &trials, const SampleLayout &layout, const ProposedRate &rate, size_t number,
              std::vector<Found> *found) {
    const std::vector<ProposedField> times = propose_times(layout, rate),
                                     customers = propose_customers(layout, rate),
                                     devices = propose_devices(layout, rate);
    for (size_t t = 0; t < std::min(times.size(), times_tried); t++)
        for (size_t c = 0; c < std::min(customers.size(), customers_tried); c++) {
            if (!rate.named && times[t].place == nullptr)
                continue;
            const ProposedMapping mapping = combine(rate, times[t], customers[c], devices);
            Trial trial = trials.of_mapping(mapping.json());
            if (trial.fits == 0)
                continue;
            const ProposedMapping refined = refine(mapping, trials, layout, &trial);
            found->push_back({nullptr, refined.json(), std::move(trial), refined.points, number});
        }
}

void try_rates(const SampleTrials &trials, const SampleLayout &layout, bool named,
               std::vector<Found> *found) {
    size_t tried = 0;
    const std::vector<ProposedRate> rates = propose_rates(layout);
    for (size_t i = 0; i < rates.size() && tried < rates_tried; i++)
        if (rates[i].named == named) {
            try_rate(trials, layout, rates[i], i, found);
            tried++;
        }
}

// Keeps at most suggestions_max suggestions: first the presets and the best mapping for each proposed heart
// rate, then other mappings.
void choose(std::vector<Found> *found) {
    std::stable_sort(found->begin(), found->end(), is_better);
    std::vector<Found> chosen, others;
    for (Found &one : *found) {
        const bool is_other = std::any_of(chosen.begin(), chosen.end(), [&](const Found &better) {
            return one.preset == nullptr && better.preset == nullptr && better.rate == one.rate;
        });
        (is_other ? others : chosen).push_back(std::move(one));
    }
    std::move(others.begin(), others.end(), std::back_inserter(chosen));
    chosen.resize(std::min(chosen.size(), suggestions_max));
    std::stable_sort(chosen.begin(), chosen.end(), is_better);
    *found = std::move(chosen);
}

std::vector<Found> find(const SampleTrials &trials) {
    std::vector<Found> found;
    try_presets(trials, &found);
    const std::unique_ptr<MessageParser> parser = trials.schemas().parser();
    if (parser == nullptr)
        return found;
    SampleLayout layout(parser.get());
    for (size_t i = 0; i < trials.count(); i++) {
        trials.look_for_stop();
        layout.add(trials.view(i));
    }
    try_rates(trials, layout, true, &found);
    if (found.empty())
        try_rates(trials, layout, false, &found);
    choose(&found);
    return found;
}

} // namespace

class Suggestions {
  public:
    Suggestions(MessageFormat format, std::vector<Found> found) : format(format), found(std::move(found)) {}
    const MessageFormat format;
    const std::vector<Found> found;
};

const Suggestions *suggest(const MessageSamples *samples, const SampleSchemas &schemas,
                           bool (*stopped)() noexcept) noexcept {
    try {
        return new Suggestions(schemas.format, find(SampleTrials(samples, schemas, stopped)));
    } catch (...) { // SuggestStopped or std::bad_alloc
        return nullptr;
    }
}

void suggestions_destroy(const Suggestions *suggestions) noexcept {
    delete suggestions;
}

size_t suggestions_count(const Suggestions *suggestions) noexcept {
    return suggestions->found.size();
}

Suggestion suggestions_get(const Suggestions *suggestions, size_t index) noexcept {
    const Found &found = suggestions->found[index];
    if (found.preset != nullptr)
        return {found.preset->format, found.preset->name, nullptr, found.trial.fits};
    return {message_format_names[static_cast<size_t>(suggestions->format)].data(), nullptr,
            found.mapping.c_str(), found.trial.fits};
}

} // namespace heartbeat
