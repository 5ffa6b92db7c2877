// Unit test: mapping_compile() refuses a wrong mapping. The error names the wrong part and the legal values
// of this part.
#include "mapping_examples.h"

namespace heartbeat {
namespace {

struct Fault {
    std::string json; // with ' for "
    std::string pointer;
    std::string problem; // a part of MappingError::problem
    std::string legal;   // a part of MappingError::legal
};

void expect_fault(const Fault &fault) {
    MappingError error;
    const MappingPointer mapping = compile(quoted(fault.json), &error);
    if (mapping != nullptr) {
        ADD_FAILURE() << "accepted: " << fault.json.substr(0, 300);
        return;
    }
    const std::string shown = fault.json.substr(0, 300) + "\n" + error.pointer + " " + error.problem;
    EXPECT_EQ(error.pointer, fault.pointer) << shown;
    EXPECT_NE(std::string(error.problem).find(quoted(fault.problem)), std::string::npos) << shown;
    EXPECT_NE(std::string(error.legal).find(quoted(fault.legal)), std::string::npos) << shown << "\n"
                                                                                     << error.legal;
    EXPECT_FALSE(error.out_of_memory);
}

template <size_t count> void expect_faults(const Fault (&faults)[count]) {
    for (const Fault &fault : faults)
        expect_fault(fault);
}

Fault with(const Fields &fields, const std::string &pointer, const std::string &problem,
           const std::string &legal) {
    return {fields.json(), pointer, problem, legal};
}
Fault with_id(const std::string &id, const std::string &at, const std::string &problem,
              const std::string &legal) {
    return with({.customer_id = id}, "/customer_id" + at, problem, legal);
}
Fault with_rate(const std::string &rate, const std::string &at, const std::string &problem,
                const std::string &legal) {
    return with({.heart_rate = rate}, "/heart_rate" + at, problem, legal);
}
Fault with_time(const std::string &time, const std::string &at, const std::string &problem,
                const std::string &legal) {
    return with({.event_timestamp = time}, "/event_timestamp" + at, problem, legal);
}
Fault with_more(const std::string &more, const std::string &pointer, const std::string &problem,
                const std::string &legal) {
    return with({.more = more}, pointer, problem, legal);
}

std::string repeat(const std::string &unit, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++)
        text += unit;
    return text;
}

TEST(MappingCompile, TheWhole) {
    expect_faults({
        {"", "", "is not valid JSON", "'customer_id'"},
        {"{", "", "is not valid JSON", "an object"},
        {"{} {}", "", "unexpected bytes after the value", "an object"},
        {"[]", "", "is an array", "'customer_id'"},
        {"null", "", "is null", "an object"},
        {"'text'", "", "is a string", "an object"},
        {"{'customer_id':'\xff'}", "", "invalid UTF-8", "an object"},
        {"{'customer_id':'\\u0000'}", "", "U+0000", "an object"},
        {"{}", "/customer_id", "is missing", "a place"},
        {"{'customer_id':'/a'}", "/heart_rate", "is missing", "a place"},
        {"{'customer_id':'/a','heart_rate':'/b'}", "/event_timestamp", "is missing", "a place"},
        {"{'custmer_id':'/a'}", "/custmer_id", "did you mean 'customer_id'?", "'event_timestamp'"},
        {"{'heartrate':'/a'}", "/heartrate", "did you mean 'heart_rate'?", "'each' or 'when'"},
        {"{'timestamp':'/a'}", "/timestamp", "is not a legal key", "'event_timestamp'"},
        {"{'Customer_ID':'/a'}", "/Customer_ID", "did you mean 'customer_id'?", "'device_id'"},
        {"{'a/b~c':'/a'}", "/a~1b~0c", "is not a legal key", "'when'"},
        with_more("'heart_rate':'/x'", "/heart_rate", "is repeated", "each key once"),
        with_more("'when':{'/a':{'b':1,'b':2}}", "/when/~1a/b", "is repeated", "each key once"),
        with_id("{'at':'/a','at':'/b'}", "/at", "is repeated", "each key once"),
    });
}

TEST(MappingCompile, Limits) {
    expect_faults({
        {repeat(" ", mapping_bytes_max) + "{}", "", "has 65538 bytes", "at most 65536 bytes"},
        {repeat("[", 300) + repeat("]", 300), "", "nested too deeply", "an object"},
        with_more("'when':{'/a':" + repeat("[", 20) + repeat("]", 20) + "}",
                  "/when/~1a/0/0/0/0/0/0/0/0/0/0/0/0/0/0", "nested too deeply", "at most 16 levels"),
        with_id("'/" + repeat("a", place_bytes_max) + "'", "", "is a place of 1025 bytes",
                "at most 1024 bytes"),
        with_id("'" + repeat("/a", 33) + "'", "", "has more than 32 segments", "at most 32"),
        with_id("['/a','/a','/a','/a','/a','/a','/a','/a','/a']", "", "is a list of 9 places", "1 to 8"),
        with_id("{'at':'/a','strip':'" + repeat("x", 1025) + "'}", "/strip", "has 1025 bytes",
                "at most 1024"),
        with_id("{'at':'/a','default':'" + repeat("x", 257) + "'}", "/default", "has 257 characters", "256"),
        with_more("'when':{'/a':[" + repeat("1,", 256) + "1]}", "/when/~1a", "is a list of 257 values",
                  "1 to 256"),
    });
    std::string places;
    for (int i = 0; i < 33; i++)
        places += (i == 0 ? "'/" : ",'/") + std::to_string(i) + "':1";
    expect_fault(with_more("'when':{" + places + "}", "/when", "has 33 places", "at most 32"));
}

TEST(MappingCompile, Places) {
    const std::string with_each = "'each':'/a'", with_two = "'each':['/a','/b']";
    expect_faults({
        with_id("'user'", "", "did you mean '/user'?", "'header/NAME'"),
        with_id("'user/id'", "", "did you mean '/user/id'?", "'value'"),
        with_id("'vlaue/id'", "", "did you mean 'value'?", "'key'"),
        with_id("'heade/x'", "", "did you mean 'header'?", "'key'"),
        with_id("'$.user'", "", "did you mean '/user'?", "'/NAME/...'"),
        with_id("'$.value[0].floatValue'", "", "did you mean '/value/0/floatValue'?", "'/NAME/...'"),
        with_id("'$[0][\\'a.b\\'][\\u0027c/d\\u0027]'", "", "did you mean '/0/a.b/c~1d'?", "'/NAME/...'"),
        with_id("'$..user[*]'", "", "did you mean '/user/*'?", "'/NAME/...'"),
        with_id("'$.a[0'", "", "did you mean '/a/0'?", "'/NAME/...'"),
        with_id("'$.a[\\'b'", "", "did you mean '/a/b'?", "'/NAME/...'"),
        with_id("'$'", "", "did you mean 'value'?", "'/NAME/...'"),
        with_id("'$['", "", "did you mean 'value'?", "'/NAME/...'"),
        with_id("'header'", "", "does not name a header", "'header/NAME'"),
        with_id("'header/'", "", "does not name a header", "'header/NAME'"),
        with_id("'header/a/b'", "", "segments after a header", "'header/NAME'"),
        with_id("'kafka/timestamp'", "", "which is a time", "'key'"),
        with_rate("'kafka/timestamp'", "", "which is a time", "'key'"),
        with_time("'kafka'", "", "is 'kafka'", "'kafka/timestamp'"),
        with_time("'kafka/time'", "", "is 'kafka/time'", "'kafka/timestamp'"),
        with_time("'kafka/timestamp/x'", "", "is 'kafka/timestamp/x'", "'kafka/timestamp'"),
        with_id("'each'", "", "no 'each'", "'/NAME/...'"),
        with_id("'each/x'", "", "no 'each'", "'/NAME/...'"),
        with_id("'name'", "", "no 'each'", "'value'"),
        with_id("'outer/x'", "", "not a list of two places", "'value'"),
        with({.customer_id = "'outer/x'", .more = with_each}, "/customer_id", "not a list of two places",
             "'each'"),
        with({.customer_id = "'name/x'", .more = with_each}, "/customer_id", "segments after 'name'",
             "'name' alone"),
        with({.customer_id = "'oter/x'", .more = with_two}, "/customer_id", "did you mean 'outer'?",
             "'outer'"),
        with_id("'/a/*/b'", "", "has the segment '*'", "only in a place of 'when'"),
        with_id("'/a~2b'", "", "a '~' without 0 or 1 after it", "'~1' for a slash"),
        with_id("'/a~'", "", "a '~'", "'~0' for a tilde"),
        with_more("'each':5", "/each", "is an integer", "a list of two places"),
        with_more("'each':[]", "/each", "is a list of 0", "a list of two places"),
        with_more("'each':['/a']", "/each", "is a list of 1", "a list of two places"),
        with_more("'each':['/a','/b','/c']", "/each", "is a list of 3", "a list of two places"),
        with_more("'each':['/a',5]", "/each/1", "is an integer", "a place"),
        with_more("'each':'key/a'", "/each", "begins with 'key'", "begins with '/'"),
        with_more("'each':'each'", "/each", "begins with 'each'", "begins with '/'"),
        with_more("'each':'/a/*'", "/each", "has the segment '*'", "only in a place of 'when'"),
        with_more("'each':['/a','outer/b']", "/each/1", "begins with 'outer'", "the element of the first"),
        with_more("'each':['/a','value']", "/each/1", "begins with 'value'", "the element of the first"),
    });
}

TEST(MappingCompile, Fields) {
    expect_faults({
        with_id("5", "", "is an integer", "a place, or a list of places"),
        with_id("null", "", "is null", "a place"),
        with_id("[]", "", "is a list of 0 places", "1 to 8"),
        with_id("['/a',5]", "/1", "is an integer", "a place"),
        with_id("{}", "/at", "is missing", "a place"),
        with_id("{'at':5}", "/at", "is an integer", "a place"),
        with_id("{'at':['/a','x']}", "/at/1", "did you mean '/x'?", "a place"),
        with_id("{'at':'/a','unit':'s'}", "/unit", "is not a legal key",
                "'at', 'text', 'default' or 'strip'"),
        with_id("{'at':'/a','stripp':'s'}", "/stripp", "did you mean 'strip'?", "'strip'"),
        with_id("{'at':'/a','strip':5}", "/strip", "is an integer", "a text"),
        with_id("{'at':'/a','strip':''}", "/strip", "is empty", "a text that is not empty"),
        with_id("{'at':'/a','text':'yes'}", "/text", "is a string", "true or false"),
        with_id("{'at':'/a','default':''}", "/default", "is empty", "not empty"),
        with_id("{'at':'/a','default':null}", "/default", "is null", "an integer"),
        with_id("{'at':'/a','default':1.5}", "/default", "is a number with a fraction", "an integer"),
        with_more("'device_id':{'at':'/d','defaults':''}", "/device_id/defaults", "did you mean 'default'?",
                  "'strip'"),
        with_rate("['/a']", "", "is an array", "a place"),
        with_rate("{'at':['/a']}", "/at", "is an array", "a place"),
        with_rate("{'at':'/a','strip':'x'}", "/strip", "is not a legal key", "'unit'"),
        with_rate("{'at':'/a','unit':'bmp'}", "/unit", "did you mean 'bpm'?",
                  "'bpm', 'hz', 'rr_ms' or 'rr_s'"),
        with_rate("{'at':'/a','unit':60}", "/unit", "is an integer", "'hz'"),
        with_rate("{'at':'/a','default':'60'}", "/default", "is a string", "a number"),
        with_rate("{'at':'/a','unit':'rr_ms','default':0}", "/default", "is not a heart rate",
                  "greater than 0"),
        with_rate("'header/hr'", "", "is a text, but the field needs a number", "'text': true"),
        with_rate("'key'", "", "is a text, but the field needs a number", "'text': true"),
        with_rate("{'at':'key'}", "/at", "is a text, but the field needs a number", "'text': true"),
    });
}

TEST(MappingCompile, Times) {
    expect_faults({
        with_time("['/a']", "", "is an array", "a place"),
        with_time("{'at':'/a','unit':'minutes'}", "/unit", "is 'minutes'", "'iso', 's', 'ms', 'us' or 'ns'"),
        with_time("{'at':'/a','unit':'MS'}", "/unit", "did you mean 'ms'?", "'ms'"),
        with_time("{'at':'/a','timezone':'UTC'}", "/timezone", "is not a legal key", "'zone'"),
        with_time("{'at':'/a','unit':'ms','zone':'UTC'}", "/zone", "contradicts 'unit'", "'unit': 'iso'"),
        with_time("{'at':'/a','unit':'s','date':'/d'}", "/date", "contradicts 'unit'", "'unit': 'iso'"),
        with_time("{'at':'kafka/timestamp','zone':'UTC'}", "/zone", "contradicts 'at'", "no such option"),
        with_time("{'at':'kafka/timestamp','unit':'s'}", "/unit", "is in milliseconds", "'ms'"),
        with_time("{'at':'/a','zone':'Europe/Berlim'}", "/zone", "did you mean 'Europe/Berlin'?",
                  "an offset"),
        with_time("{'at':'/a','zone':'CEST+25'}", "/zone", "is 'CEST+25'", "'Europe/Berlin'"),
        with_time("{'at':'/a','zone':'+16:00'}", "/zone", "is '+16:00'", "'+01:00'"),
        with_time("{'at':'/a','zone':'../../etc/passwd'}", "/zone", "is '../../etc/passwd'", "'UTC'"),
        with_time("{'at':'/a','zone':''}", "/zone", "is ''", "'UTC'"),
        with_time("{'at':'/a','zone':1}", "/zone", "is an integer", "'UTC'"),
        with_time("{'at':'/a','plus':'/b'}", "/plus_unit", "is missing", "'s', 'ms', 'us' or 'ns'"),
        with_time("{'at':'/a','plus_unit':'s'}", "/plus_unit", "has no 'plus'", "both"),
        with_time("{'at':'/a','plus':'/b','plus_unit':'iso'}", "/plus_unit", "is 'iso'", "'ns'"),
        with_time("{'at':'/a','plus':5,'plus_unit':'s'}", "/plus", "is an integer", "a place"),
        with_time("{'at':'/a','plus':'header/o','plus_unit':'s'}", "/plus", "is a text", "'text': true"),
        with_time("{'at':'header/t','unit':'ms'}", "/at", "is a text", "'text': true"),
        with_time("{'at':'/a','date':5}", "/date", "is an integer", "a place of a date"),
        with_time("{'at':'/a','date':'kafka/timestamp'}", "/date", "which is a time", "a place"),
        with_time("{'at':'/a','default':'yesterday'}", "/default", "is 'yesterday'", "a timestamp"),
        with_time("{'at':'/a','default':5}", "/default", "is an integer", "a text of a timestamp"),
        with_time("{'at':'/a','date':'/d','default':'2026-11-22T14:39:02Z'}", "/default", "is '2026",
                  "a time of day"),
        with_time("{'at':'/a','unit':'s','default':'5'}", "/default", "is a string", "a number in this unit"),
        with_time("{'at':'/a','unit':'s','default':1e15}", "/default", "is out of range", "0000 to 9999"),
    });
}

TEST(MappingCompile, Conditions) {
    expect_faults({
        with_more("'when':'/a'", "/when", "is a string", "an object of places"),
        with_more("'when':{'a':1}", "/when/a", "did you mean '/a'?", "a place"),
        with_more("'when':{'/a':[]}", "/when/~1a", "is a list of 0 values", "a value"),
        with_more("'when':{'header/x':5}", "/when/header~1x", "is an integer", "compared as text"),
        with_more("'when':{'key':['a',true]}", "/when/key/1", "is a boolean", "compared as text"),
        with_more("'when':{'kafka/timestamp':'now'}", "/when/kafka~1timestamp", "is a string",
                  "milliseconds"),
        with_more("'when':{'each/x':1}", "/when/each~1x", "no 'each'", "a place"),
        with_more("'each':'/a','when':{'name':true}", "/when/name", "is a boolean", "a text or a number"),
        with_more("'each':'/a','when':{'outer/x':1}", "/when/outer~1x", "not a list of two places", "'each'"),
    });
}

// Each place has `*` at all levels except one, and a name at that level. The level of the name is different
// for each place. So the tree of all places would need two branches at each level: the name and `*`.
TEST(MappingCompile, RefusesPlacesThatCombineToAGiantTree) {
    const auto mapping = [](int levels) {
        std::string places;
        for (int named = 0; named < levels; named++) {
            std::string place;
            for (int level = 0; level < levels; level++)
                place += level == named ? "/a" : "/*";
            places += (places.empty() ? "'" : ",'") + place + "':1";
        }
        return Fields{.more = "'when':{" + places + "}"}.json();
    };
    MappingError error;
    EXPECT_NE(compile(mapping(8)), nullptr);
    EXPECT_EQ(compile(mapping(31), &error), nullptr);
    EXPECT_FALSE(error.out_of_memory);
    EXPECT_STREQ(error.pointer, "/when");
    EXPECT_STREQ(error.problem, "has places with \"*\" that combine to too many places");
}

TEST(MappingCompile, ErrorsAreCutAndClean) {
    MappingError error;
    const std::string long_name = repeat("\xC3\xA4", 300);
    EXPECT_EQ(compile("{\"" + long_name + "\":1}", &error), nullptr);
    EXPECT_LT(strnlen(error.pointer, sizeof(error.pointer)), sizeof(error.pointer));
    EXPECT_EQ(compile(Fields{.event_timestamp = "{'at':'/a','zone':'" + long_name + "'}"}.json(), &error),
              nullptr);
    EXPECT_NE(std::string(error.problem).find("..."), std::string::npos);
    EXPECT_EQ(compile("{\"a\\nb\":1}", &error), nullptr);
    EXPECT_STREQ(error.pointer, "/a\\x0ab");
}

TEST(MappingCompile, LegalMappings) {
    for (const char *more :
         {"'device_id':'/d'", "'device_id':{'at':['/a','header/x'],'strip':'x','default':''}",
          "'each':'value'", "'each':''", "'each':['','']", "'each':['/a~1b~0','/0/1']", "'when':{}",
          "'when':{'/a':[1,'x',null,true,{'b':[1]},[2]]}",
          "'when':{'key/a/*':1,'header/x':null,'kafka/timestamp':1,'value':1,'':1}",
          "'each':['/a','/b'],'when':{'outer/x':1,'each/*/y':1,'name':['1',1]}"})
        EXPECT_NE(compile(Fields{.more = more}.json()), nullptr) << more;
    for (const char *time :
         {"'kafka/timestamp'", "{'at':'kafka/timestamp','unit':'ms'}", "{'at':'key','text':true,'unit':'ns'}",
          "{'at':'/a','zone':'-03'}", "{'at':'/a','zone':'America/New_York'}", "{'at':'/a','zone':'Z'}",
          "{'at':'/a','date':'/d','default':'00:00:00','plus':'/p','plus_unit':'ns'}"})
        EXPECT_NE(compile(Fields{.event_timestamp = time}.json()), nullptr) << time;
}

} // namespace
} // namespace heartbeat
