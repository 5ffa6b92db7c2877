// Unit tests: the error texts if the module heartbeat_formats cannot be loaded. The tests in test/formats
// check the module itself.
#include "registry/formats_library.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace heartbeat {
namespace {

std::string load(const std::string &folder) {
    char error[512] = "";
    EXPECT_EQ(formats_load(folder.c_str(), error, sizeof(error)), nullptr);
    EXPECT_EQ(formats_loaded(), nullptr);
    return error;
}

TEST(FormatsLibrary, SaysWhatToInstall) {
    EXPECT_NE(load("/nonexistent").find("heartbeat_formats is not installed"), std::string::npos);
    EXPECT_NE(load(std::string(5000, 'a')).find("heartbeat_formats is not installed"), std::string::npos);
}

TEST(FormatsLibrary, SaysWhyTheModuleCannotBeLoaded) {
    char folder[] = "/tmp/heartbeat-formats.XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    std::string path = std::string(folder) + "/heartbeat_formats.so";
    std::ofstream(path) << "no library";
    EXPECT_NE(load(folder).find("heartbeat_formats cannot be loaded"), std::string::npos);
    unlink(path.c_str());
    rmdir(folder);
}

} // namespace
} // namespace heartbeat
