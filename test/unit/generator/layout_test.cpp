// Unit tests of the generator: the options that a layout allows or refuses.
#include "layout.h"

#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace heartbeat::generator {
namespace {

Options options_with(const char *preset) {
    Options options;
    options.preset = preset;
    return options;
}

// Returns the error of layout_load(), or an empty text if layout_load() accepts the options.
std::string mistake_of(Options options) {
    try {
        layout_load(&options);
        return "";
    } catch (const std::runtime_error &error) {
        return error.what();
    }
}

class TemplateFile {
  public:
    explicit TemplateFile(const std::string &content) { std::ofstream(path_) << content; }
    TemplateFile(const TemplateFile &) = delete;
    TemplateFile &operator=(const TemplateFile &) = delete;
    ~TemplateFile() { unlink(path_.c_str()); }
    const std::string &path() const { return path_; }

  private:
    std::string path_ = testing::TempDir() + "template-" + std::to_string(getpid()) + ".json";
};

TEST(Layout, UsesNoTemplateForTheOwnLayout) {
    Options options;
    EXPECT_FALSE(layout_load(&options));
    Options named = options_with("heartbeat");
    EXPECT_FALSE(layout_load(&named));
    EXPECT_EQ(named.gap_ns(), 25e6);
}

TEST(Layout, SetsSamplesAndIntervalFromTheTemplate) {
    Options garmin = options_with("garmin-push");
    ASSERT_TRUE(layout_load(&garmin));
    EXPECT_EQ(garmin.samples, 60U);
    EXPECT_EQ(garmin.interval, 1.0); // the times of garmin-push are whole seconds
    EXPECT_EQ(garmin.gap_ns(), 60 * 1e9 / 20);

    Options health = options_with("health-connect");
    health.samples = 4;
    health.devices = 2;
    ASSERT_TRUE(layout_load(&health));
    EXPECT_EQ(health.interval, 0.5);
    EXPECT_EQ(health.gap_ns(), 4 * 0.5e9 / 40);
    health.rate = 10;
    EXPECT_EQ(health.reading_seconds(), 1.0);
}

TEST(Layout, RefusesOptionsForWhichItHasNoPlace) {
    Options devices = options_with("garmin-push");
    devices.devices = 2;
    EXPECT_NE(mistake_of(devices).find("--devices 2"), std::string::npos) << mistake_of(devices);
    devices.preset.reset();
    EXPECT_NE(mistake_of(devices).find("--devices 2"), std::string::npos) << mistake_of(devices);
    devices.replay = "-";
    EXPECT_NE(mistake_of(devices).find("--devices 2"), std::string::npos) << mistake_of(devices);
    Options samples = options_with("open-mhealth");
    samples.samples = 1;
    EXPECT_NE(mistake_of(samples).find("--samples 1"), std::string::npos) << mistake_of(samples);
    Options many = options_with("fhir-observation");
    many.customers = 10'000'000;
    EXPECT_EQ(mistake_of(many), "");
    many.devices = 2;
    EXPECT_NE(mistake_of(many).find("10000000 devices"), std::string::npos) << mistake_of(many);
}

TEST(Layout, RefusesReadingsThatWouldHaveTheSameTime) {
    Options options = options_with("garmin-push");
    options.interval_is_given = true;
    options.interval = 0.5;
    EXPECT_NE(mistake_of(options).find("Give --interval 1 or more"), std::string::npos)
        << mistake_of(options);
    options.interval = 0;
    EXPECT_NE(mistake_of(options).find("--start-time"), std::string::npos) << mistake_of(options);
    options.start_time = 0;
    EXPECT_EQ(mistake_of(options), "");
    options.start_time.reset();
    options.rate = 20.0 / 60;
    EXPECT_EQ(mistake_of(options), "");
    options.rate = 0.34;
    EXPECT_NE(mistake_of(options).find("--rate 0.34"), std::string::npos) << mistake_of(options);
    options.start_time = 0;
    EXPECT_EQ(mistake_of(options), "");
    Options fast = options_with("fhir-observation"); // microseconds
    fast.interval_is_given = true;
    fast.interval = 0;
    EXPECT_EQ(mistake_of(fast), "");
}

TEST(Layout, RefusesAMessageOfDecades) {
    Options options = options_with("garmin-push");
    options.interval_is_given = true;
    options.interval = 86'400;
    options.samples = 1'000'000;
    EXPECT_NE(mistake_of(options).find("longer than"), std::string::npos) << mistake_of(options);
    options.rate = 1e-300;
    EXPECT_NE(mistake_of(options).find("longer than"), std::string::npos) << mistake_of(options);
}

TEST(Layout, ReadsATemplateFromAFile) {
    const TemplateFile file(
        R"({"value": {"who": "${customer_number}", "x": {"$repeat": 3, "$each": "${heart_rate}"}}})");
    Options options;
    options.template_file = file.path();
    const auto layout = layout_load(&options);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->samples, 3U);
    EXPECT_FALSE(layout->key);
}

TEST(Layout, RefusesAFileThatItCannotRead) {
    Options options;
    options.template_file = "/nonexistent";
    EXPECT_EQ(mistake_of(options), "--template /nonexistent: No such file or directory");
    options.template_file = "/";
    EXPECT_EQ(mistake_of(options), "--template /: Is a directory");
    options.template_file = "/dev/zero";
    EXPECT_NE(mistake_of(options).find("16 MiB"), std::string::npos);
    const TemplateFile wrong("{\n\"value\" 1}");
    options.template_file = wrong.path();
    EXPECT_NE(mistake_of(options).find("--template " + wrong.path() + ": line 2"), std::string::npos)
        << mistake_of(options);
}

} // namespace
} // namespace heartbeat::generator
