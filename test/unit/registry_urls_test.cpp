// Unit tests: the list of a source's schema registries.
#include "registry/registry_urls.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

// Returns the URLs of the list with spaces between them, or the reason why the list is refused.
std::string split(const std::string &list) {
    RegistryUrls urls;
    char reason[384];
    if (!registry_urls_split(list, &urls, reason, sizeof(reason)))
        return reason;
    std::string text;
    for (size_t i = 0; i < urls.count; i++)
        text += (i == 0 ? "" : " ") + std::string(urls.urls[i]);
    return text;
}

TEST(RegistryUrls, AcceptsUrls) {
    for (const char *url :
         {"http://registry", "https://registry:8081", "HTTPS://Registry.example:443", "http://10.0.0.1:1",
          "http://[::1]", "http://[2001:db8::1]:65535/a/b", "http://registry:8080/apis/ccompat/v7"})
        EXPECT_EQ(split(url), url);
}

TEST(RegistryUrls, SplitsAListAndRemovesSpacesAndSlashes) {
    EXPECT_EQ(split(" https://a:1/ ,http://b//, ,http://c/d/"), "https://a:1 http://b http://c/d");
}

TEST(RegistryUrls, NamesTheWrongUrl) {
    EXPECT_EQ(split("http://a,b:8081"),
              "\"b:8081\" is not the URL of a schema registry: it begins with neither http:// nor https://.");
    EXPECT_EQ(
        split("not a url"),
        "\"not a url\" is not the URL of a schema registry: it begins with neither http:// nor https://.");
    EXPECT_EQ(
        split("http://a:0"),
        "\"http://a:0\" is not the URL of a schema registry: its port is not a number from 1 to 65535.");
    for (const char *url :
         {"ftp://a", "file:///etc/passwd", "http://", "http:///a", "http://:1", "http://a:", "http://a:65536",
          "http://a:1x", "http://a b", "http://a/b c", "http://[::1", "http://[]", "http://[x]",
          "http://[::1]x", "http://a\x01", "http://a/\xC3\xA4", "http://a\\b", "http"})
        EXPECT_NE(split(url).find("is not the URL of a schema registry"), std::string::npos) << url;
}

TEST(RegistryUrls, RefusesAZeroByteInBrackets) {
    EXPECT_NE(split(std::string("http://[::1\0x]", 14)).find("no IPv6 address"), std::string::npos);
}

TEST(RegistryUrls, NeverShowsASecret) {
    for (const char *url : {"http://user:sec,ret@host", "sec://user:secret@host", "http://secret@host"}) {
        std::string reason = split(url);
        EXPECT_NE(reason.find("has a user name"), std::string::npos) << reason;
        EXPECT_EQ(reason.find("sec,"), std::string::npos) << reason;
        EXPECT_EQ(reason.find("http://"), std::string::npos) << reason;
    }
    EXPECT_EQ(split("http://a/b?token=secret"),
              "\"http://a/b...\" is not the URL of a schema registry: it has a query or a fragment.");
}

TEST(RegistryUrls, BoundsTheList) {
    EXPECT_EQ(split(""), "The list has no URL of a schema registry.");
    EXPECT_EQ(split(" , "), "The list has no URL of a schema registry.");
    std::string eight;
    for (int i = 0; i < 8; i++)
        eight += "http://a,";
    EXPECT_EQ(split(eight).find("not the URL"), std::string::npos);
    EXPECT_NE(split(eight + "http://a").find("more than 8 URLs"), std::string::npos);
    EXPECT_NE(split("http://" + std::string(1500, 'a')).find("more than 1024 characters"), std::string::npos);
    EXPECT_LT(split("http://" + std::string(1500, 'a')).size(), 300U);
    const std::string long_url = "http://" + std::string(990, 'a');
    EXPECT_EQ(split(long_url + "," + long_url).find("at most 2000"), std::string::npos);
    EXPECT_EQ(split(long_url + "," + long_url + ",http://a"),
              "The list has 2004 bytes; expected at most 2000.");
}

TEST(RegistryUrls, ChecksTheListOfTheExtension) {
    char reason[384];
    EXPECT_TRUE(registry_urls_check("http://a", reason, sizeof(reason)));
    EXPECT_FALSE(registry_urls_check("a", reason, sizeof(reason)));
}

} // namespace
} // namespace heartbeat
