// Unit tests of the generator: the readings of the simulator. The same seed must give the same readings.
#include "simulate.h"

#include "decode/classify.h"
#include "decode/timestamp.h"
#include "encode.h"
#include "simulated_source.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::generator {
namespace {

int64_t time_of(const char *text) {
    int64_t time = 0;
    EXPECT_TRUE(timestamp_parse(text, &time));
    return time;
}

SimulationSettings settings_from(const char *start) {
    SimulationSettings settings;
    settings.seed = 42;
    settings.start_time = time_of(start);
    return settings;
}

std::vector<std::string> lines_of(const SimulationSettings &settings, size_t count) {
    SimulatedSource source(settings);
    std::vector<std::string> lines;
    Message message;
    while (lines.size() < count && source.next(&message) == SourceState::message)
        lines.emplace_back(message.payload);
    return lines;
}

std::string id_of(const Reading &reading) {
    return {reading.customer_id, reading.customer_id_size};
}

TEST(Simulate, FirstLinesAreTheExpectedOnes) {
    SimulationSettings settings = settings_from("2026-11-22T14:39:02.123456Z");
    settings.customers = 3;
    settings.anomaly_rate = 0.5;
    const std::vector<std::string> expected = {
        R"({"customer_id":"CUST-0001","heart_rate":75,"event_timestamp":"2026-11-22T14:39:02.123456Z"})",
        R"({"customer_id":"CUST-0002","heart_rate":-17,"event_timestamp":"2026-11-22T14:39:02.290122Z"})",
        R"({"customer_id":"CUST-0003","heart_rate":278,"event_timestamp":"2026-11-22T14:39:02.456789Z"})",
        R"({"customer_id":"CUST-0001","heart_rate":13,"event_timestamp":"2026-11-22T14:39:02.623456Z"})",
        R"({"customer_id":"CUST-0002","heart_rate":101,"event_timestamp":"2026-11-22T14:39:02.790122Z"})",
        R"({"customer_id":"CUST-0003","heart_rate":91,"event_timestamp":"2026-11-22T14:39:02.956789Z"})",
        R"({"customer_id":"CUST-0001","heart_rate":255,"event_timestamp":"2026-11-22T14:39:03.123456Z"})",
        R"({"customer_id":"CUST-0002","heart_rate":250,"event_timestamp":"2026-11-22T14:39:03.290122Z"})",
    };
    EXPECT_EQ(lines_of(settings, expected.size()), expected);
}

TEST(Simulate, TheSameSeedGivesTheSameReadings) {
    const SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
    EXPECT_EQ(lines_of(settings, 10'000), lines_of(settings, 10'000));
    SimulationSettings other = settings;
    other.seed++;
    EXPECT_NE(lines_of(settings, 10), lines_of(other, 10));
}

TEST(Simulate, SeedDecidesHeartRatesWithoutAStartTime) {
    SimulationSettings settings;
    settings.seed = 7;
    Simulator first(settings);
    Simulator second(settings);
    Reading a;
    Reading b;
    for (int i = 0; i < 1000; i++) {
        ASSERT_TRUE(first.next(&a) && second.next(&b));
        ASSERT_EQ(a.heart_rate, b.heart_rate);
    }
}

TEST(Simulate, HeartRatesHaveTheExpectedDistribution) {
    constexpr int readings = 400'000;
    SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
    Simulator simulator(settings);
    std::array<int, heart_rate_classes> classes{};
    int above_limit = 0;
    double sum = 0;
    double square_sum = 0;
    Reading reading;
    for (int i = 0; i < readings; i++) {
        ASSERT_TRUE(simulator.next(&reading));
        ASSERT_EQ(reading.heart_rate, std::round(reading.heart_rate));
        const HeartRateClass found = classify_heart_rate(reading.heart_rate);
        classes[static_cast<size_t>(found)]++;
        above_limit += reading.heart_rate > 300 ? 1 : 0;
        if (found == HeartRateClass::normal) {
            sum += reading.heart_rate;
            square_sum += reading.heart_rate * reading.heart_rate;
        }
    }

    const int normal = classes[static_cast<size_t>(HeartRateClass::normal)];
    const double mean = sum / normal;
    EXPECT_NEAR(1 - static_cast<double>(normal) / readings, 0.05, 0.002);
    EXPECT_NEAR(mean, 75, 0.2);
    EXPECT_NEAR(std::sqrt(square_sum / normal - mean * mean), 15, 0.2);

    constexpr double third = readings * 0.05 / 3;
    for (const auto anomaly :
         {HeartRateClass::bradycardia, HeartRateClass::tachycardia, HeartRateClass::invalid})
        EXPECT_NEAR(classes[static_cast<size_t>(anomaly)], third, third * 0.1)
            << heart_rate_class_name(anomaly);
    // About half of the invalid readings are too high, and the other half is too low.
    EXPECT_NEAR(above_limit, third / 2, third * 0.1);
}

TEST(Simulate, AnomalyRateMayBeZeroOrOne) {
    Reading reading;
    for (const double rate : {0.0, 1.0}) {
        SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
        settings.anomaly_rate = rate;
        Simulator simulator(settings);
        for (int i = 0; i < 100'000; i++) {
            ASSERT_TRUE(simulator.next(&reading));
            ASSERT_EQ(classify_heart_rate(reading.heart_rate) == HeartRateClass::normal, rate == 0);
        }
    }
}

TEST(Simulate, CustomersTakeTurns) {
    SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
    settings.customers = 10'000;
    Simulator simulator(settings);
    Reading reading;
    for (const char *id : {"CUST-0001", "CUST-0002", "CUST-0003"}) {
        ASSERT_TRUE(simulator.next(&reading));
        EXPECT_EQ(id_of(reading), id);
    }
    for (uint32_t i = 3; i < settings.customers; i++)
        ASSERT_TRUE(simulator.next(&reading));
    EXPECT_EQ(id_of(reading), "CUST-10000");
    ASSERT_TRUE(simulator.next(&reading));
    EXPECT_EQ(id_of(reading), "CUST-0001");
}

// Some intervals of this test are no multiple of the number of customers, or no multiple of 1000 nanoseconds.
TEST(Simulate, SimulatedTimeAdvancesByTheInterval) {
    for (const uint32_t customers : {1U, 3U, 7U, 20U}) {
        for (const int64_t interval_ns : {1000L, 1001L, 3333L, 500'000'000L, 86'400'000'000'000L}) {
            SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
            settings.customers = customers;
            settings.interval_ns = interval_ns;
            Simulator simulator(settings);
            Reading reading;
            int64_t last = 0;
            for (uint32_t i = 0; i < customers * 1000; i++) {
                ASSERT_TRUE(simulator.next(&reading));
                const int64_t round = i / customers;
                const int64_t turn = i % customers;
                const double expected =
                    static_cast<double>(round) * static_cast<double>(interval_ns) +
                    static_cast<double>(interval_ns) * static_cast<double>(turn) / customers;
                const auto elapsed = static_cast<double>(reading.event_time - *settings.start_time);
                ASSERT_NEAR(elapsed, expected / 1000, 1.01);
                ASSERT_GE(reading.event_time, last);
                last = reading.event_time;
            }
        }
    }
}

using Identity = std::pair<std::string, int64_t>;

void expect_distinct(Simulator *simulator, int readings) {
    std::set<Identity> seen;
    Reading reading;
    for (int i = 0; i < readings; i++) {
        ASSERT_TRUE(simulator->next(&reading));
        ASSERT_TRUE(seen.emplace(id_of(reading), reading.event_time).second);
    }
}

TEST(Simulate, IdentitiesAreDistinctAtTheShortestInterval) {
    SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
    settings.customers = 3;
    settings.interval_ns = 1000;
    Simulator simulator(settings);
    expect_distinct(&simulator, 100'000);
}

TEST(Simulate, IdentitiesAreDistinctWithTheRealClock) {
    SimulationSettings settings;
    settings.customers = 1;
    Simulator simulator(settings);
    expect_distinct(&simulator, 100'000);
}

TEST(Simulate, IdentitiesAreDistinctWhenTheClockIsSetBack) {
    SimulationSettings settings;
    settings.customers = 2;
    Simulator simulator(settings, []() noexcept -> int64_t {
        static int64_t clock = 1'000'000'000'000;
        return clock -= 3;
    });
    expect_distinct(&simulator, 100'000);
}

TEST(Simulate, DurationCountsSimulatedTime) {
    SimulationSettings settings = settings_from("2026-01-01T00:00:00Z");
    settings.duration = 10 * microseconds_per_second;
    EXPECT_EQ(lines_of(settings, 100'000).size(), 20U * 10 * 2);
}

TEST(Simulate, EndsAfterTheYear9999) {
    SimulationSettings settings = settings_from("9999-12-31T23:59:59Z");
    EXPECT_EQ(lines_of(settings, 100'000).size(), 40U);
    EXPECT_NE(lines_of(settings, 100).back().find("9999-12-31T23:59:59.975000Z"), std::string::npos);
}

TEST(SimulatedSource, MessageHasTheCustomerAsKeyAndTheEventTime) {
    SimulatedSource source(settings_from("2026-11-22T14:39:02.123456Z"));
    Message message;
    ASSERT_EQ(source.next(&message), SourceState::message);
    EXPECT_TRUE(message.has_key);
    EXPECT_EQ(message.key, "CUST-0001");
    EXPECT_EQ(message.timestamp_ms, time_of("2026-11-22T14:39:02.123Z") / 1000);
}

TEST(SimulatedSource, SendsTheFirstMillisecondOf1970AsTheSecond) {
    SimulatedSource source(settings_from("1970-01-01T00:00:00Z"));
    Message message;
    ASSERT_EQ(source.next(&message), SourceState::message);
    EXPECT_EQ(message.timestamp_ms, 1);
}

} // namespace
} // namespace heartbeat::generator
