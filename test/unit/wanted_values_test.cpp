// Unit test: the parts of a value that a mapping reads. A reader adds exactly these parts to the tree.
#include "../formats/same_places.h"
#include "avro_examples.h"

namespace heartbeat {
namespace {

// Shows the names with their children. `!` marks a whole value, `t` marks a time, and `*` stands for all
// children that have no entry of their own.
std::string wanted_text(const WantedValue &wanted) {
    std::string text = std::string(wanted.whole ? "!" : "") + (wanted.is_time ? "t" : "");
    std::string children;
    for (const WantedValue &child : wanted.children)
        children += (children.empty() ? "" : " ") + child.name + wanted_text(child);
    if (wanted.others != nullptr)
        children += (children.empty() ? "*" : " *") + wanted_text(*wanted.others);
    return children.empty() ? text : text + "{" + children + "}";
}

std::string wanted_text(const Fields &fields, PlaceRoot root = PlaceRoot::value) {
    return wanted_text(wanted_values(*compile(fields.json()), root));
}

TEST(WantedValues, AreThePlacesOfTheMapping) {
    EXPECT_EQ(wanted_text(Fields{}), "{id! hr! t!t}");
    EXPECT_EQ(
        wanted_text({"['/a/b','/a/c']", "'/a/0'", "{'at':'/t','unit':'s','plus':'/p','plus_unit':'s'}"}),
        "{a{b! c! 0!} t!t p!}");
    EXPECT_EQ(wanted_text({"'key/u'", "'/hr'", "'kafka/timestamp'"}), "{hr!}");
    EXPECT_EQ(wanted_text({"'key/u'", "'/hr'", "'kafka/timestamp'"}, PlaceRoot::key), "{u!}");
    EXPECT_EQ(wanted_text({"'key'", "'value'", "'kafka/timestamp'"}), "!");
}

TEST(WantedValues, OfListsAreAllElements) {
    EXPECT_EQ(wanted_text({"'/id'", "'each/bpm'", "'each/t'", "'each':'/s'"}), "{s{*{bpm! t!t}} id!}");
    EXPECT_EQ(wanted_text({"'outer/u'", "'each/bpm'", "'each/t'", "'each':['/m','/d']"}),
              "{m{*{d{*{bpm! t!t}} u!}}}");
    EXPECT_EQ(wanted_text({"'key'", "'each'", "'name'", "'each':'/s','when':{'/s/0/x':1,'/c/*/code':1}"}),
              "{s{0!{x!} *!} c{*{code!}}}");
    EXPECT_EQ(wanted_text({"'key'", "'each/a'", "'name'", "'each':'/s','when':{'/s/k/x':1}"}),
              "{s{k{x! a!} *{a!}}}")
        << "a named element is also one of all elements";
}

const std::string sample = "{'type':'record','name':'S','fields':[" + avro_field("t", "'long'") + "," +
                           avro_field("bpm", "['null','int']") + "," + avro_field("note", "'string'") + "]}";
const std::string schema =
    avro_record(avro_field("skipped", "{'type':'map','values':'string'}") + "," +
                avro_field("samples", "{'type':'array','items':" + sample + "}") + "," +
                avro_field("named", "{'type':'map','values':'S'}") + "," + avro_field("id", "'string'"));

std::string sample_bytes(int64_t number) {
    return varint(number) + varint(1) + varint(number + 70) + avro_text("note");
}

const std::string message = varint(-1) + varint(9) + avro_text("key") + avro_text("text") + varint(0) +
                            varint(2) + sample_bytes(0) + sample_bytes(1) + varint(-1) + varint(9) +
                            sample_bytes(2) + varint(0) + varint(2) + avro_text("a") + sample_bytes(3) +
                            avro_text("b") + sample_bytes(4) + varint(0) + avro_text("CUST-1");

TEST(WantedValues, OthersAreNotInTheTree) {
    const auto read = [](const std::string &place, const std::string &more = "") {
        return avro_read({schema}, message, wanted_of(place, more));
    };
    EXPECT_EQ(read("'/id'"), "{id:'CUST-1'}");
    EXPECT_EQ(read("'/none'"), "{}");
    EXPECT_EQ(read("'/id/deeper'"), "{id:'CUST-1'}") << "a value without children is added";
    EXPECT_EQ(read("'/samples/1/bpm'"), "{samples:[null,{bpm:71}]}");
    EXPECT_EQ(read("'/samples/9/bpm'"), "{samples:[null,null,null]}");
    EXPECT_EQ(read("'/samples/x'"), "{samples:[]}");
    EXPECT_EQ(read("'each/bpm'", "'each':'/samples'"), "{samples:[{bpm:70},{bpm:71},{bpm:72}]}");
    EXPECT_EQ(read("'each/bpm'", "'each':'/named'"), "{named:{a:{bpm:73},b:{bpm:74}}}");
    EXPECT_EQ(read("'/named/b'"), "{named:{b:{t:4,bpm:74,note:'note'}}}");
    EXPECT_EQ(read("'/named/b/t'", "'when':{'/named/*/bpm':73}"), "{named:{a:{bpm:73},b:{t:4,bpm:74}}}");
}

TEST(WantedValues, PlacesFindTheSameAsInTheWholeTree) {
    std::string problem;
    ReaderMemory memory;
    ValueTree all, some;
    DecodeError error;
    const ReaderPointer whole = reader_of({schema}, whole_value(), &problem);
    ASSERT_NE(whole, nullptr) << problem;
    ASSERT_TRUE(whole->read(message, "payload", &memory, &all, &error)) << error.text;
    const std::string lists[] = {"", "'each':'/samples'", "'each':'/named'"};
    const std::string conditions[] = {"", "'when':{'/samples/*/t':1}", "'when':{'/named/*/bpm':1}",
                                      "'when':{'/samples/0/t':1,'/named/b/bpm':2}"};
    for (const std::string &list : lists)
        for (const std::string &condition : conditions)
            for (const std::string place :
                 {"/id", "/samples/1", "/samples/2/bpm", "/named/a/t", "/none", ""}) {
                std::string more = list;
                more += list.empty() || condition.empty() ? "" : ",";
                more += condition;
                const std::string root = list.empty() ? "'" : "'each";
                const WantedValue wanted = wanted_of(root + place + "'", more);
                const ReaderPointer reader = reader_of({schema}, wanted, &problem);
                ASSERT_NE(reader, nullptr) << problem;
                ASSERT_TRUE(reader->read(message, "payload", &memory, &some, &error)) << error.text;
                EXPECT_TRUE(tree_is_whole(some));
                EXPECT_TRUE(same_places(all, 0, some, 0, wanted))
                    << more << " " << place << " " << tree_text(some);
            }
}

} // namespace
} // namespace heartbeat
