// Unit test: many readings of one message, conditions, and ignored messages and elements.
#include "mapping_examples.h"

namespace heartbeat {
namespace {

const Fields flat = {.more = "'when':{'/type':'hr'}"};
const Fields samples = {.customer_id = "'/id'",
                        .heart_rate = "'each/bpm'",
                        .event_timestamp = "{'at':'each/t','unit':'s'}",
                        .more = "'each':'/samples'"};

Fields with_when(Fields fields, const std::string &when) {
    fields.more += ",'when':{" + when + "}";
    return fields;
}

TEST(MappedLists, Arrays) {
    expect_decoded({
        {samples, "{'samples':[{'t':0,'bpm':74},{'t':1,'bpm':75}],'id':'A'}",
         "A 74 1970-01-01T00:00:00Z; A 75 1970-01-01T00:00:01Z"},
        {samples, "{'samples':[],'id':'A'}", ""},
        {samples, "{'samples':[]}", ""},
        {samples, "{'samples':{},'id':'A'}", ""},
        {samples, "{'id':'A'}", "MISSING_FIELD: each is missing at /samples; expected an array or an object"},
        {samples, "{'samples':null}",
         "MISSING_FIELD: each is missing at /samples; expected an array or an object"},
        {samples, "{'samples':'x'}",
         "WRONG_TYPE: each at /samples is a string; expected an array or an object"},
        {samples, "[]", "NOT_AN_OBJECT: payload is an array; expected an object"},
        {samples, "{'id':'A','samples':[{'t':0,'bpm':74},{'t':1,'bpm':'x'}]}",
         "WRONG_TYPE: heart_rate at /samples/1/bpm is a string; expected a number"},
        {samples, "{'id':'A','samples':[{'t':0,'bpm':74},5]}",
         "MISSING_FIELD: heart_rate is missing at /samples/1/bpm; expected a number"},
        {samples, "{'id':'A','samples':[{'t':0,'bpm':74},{'bpm':74}]}",
         "MISSING_FIELD: event_timestamp is missing at /samples/1/t; expected a number since 1970 in the "
         "mapping's "
         "unit"},
        {samples, "{'samples':[{'t':0,'bpm':74}]}",
         "MISSING_FIELD: customer_id is missing at /id; expected a non-empty string or an integer"},
        {{"'each/0'", "'each/1'", "{'at':'each/2','unit':'s'}", "'each':'value'"},
         "[['A',74,0],['B',75,1]]",
         "A 74 1970-01-01T00:00:00Z; B 75 1970-01-01T00:00:01Z"},
        {{"'each/0'", "'each/1'", "{'at':'each/2','unit':'s'}", "'each':''"},
         "[['A',74,0],['B',75]]",
         "MISSING_FIELD: event_timestamp is missing at /1/2; expected a number since 1970 in the mapping's "
         "unit"},
        {{"'/id'", "'each'", "{'at':'/t','unit':'s','plus':'name','plus_unit':'s'}", "'each':'/hr'"},
         "{'id':'A','t':60,'hr':[70,71,72]}",
         "A 70 1970-01-01T00:01:00Z; A 71 1970-01-01T00:01:01Z; A 72 1970-01-01T00:01:02Z"},
        {{"['/id','name']", "'each'", "{'at':'/t','unit':'s'}", "'each':'/hr'"},
         "{'id':'A','t':60,'hr':[70,71]}",
         "A/0 70 1970-01-01T00:01:00Z; A/1 71 1970-01-01T00:01:00Z"},
    });
}

TEST(MappedLists, Members) {
    const Fields offsets = {"'/id'", "'each'", "{'at':'/t','unit':'s','plus':'name','plus_unit':'s'}",
                            "'each':'/m'"};
    const Fields people = {"'name'", "'each/hr'", "{'at':'each/t','unit':'s'}", "'each':'/p'"};
    expect_decoded({
        {offsets, "{'id':'A','t':60,'m':{'0':70,'15':71,'1.5':72}}",
         "A 70 1970-01-01T00:01:00Z; A 71 1970-01-01T00:01:15Z; A 72 1970-01-01T00:01:01.500000Z"},
        {offsets, "{'id':'A','t':60,'m':{'0':70,'secret':71}}",
         "WRONG_TYPE: event_timestamp at the name of /m/(member 1) is a text that is not a number; expected "
         "a number, or a number as text"},
        {offsets, "{'id':'A','t':60,'m':{'secret':'x'}}",
         "WRONG_TYPE: heart_rate at /m/(member 0) is a string; expected a number"},
        {people, "{'p':{'A':{'hr':74,'t':0},'B':{'hr':75,'t':1}}}",
         "A 74 1970-01-01T00:00:00Z; B 75 1970-01-01T00:00:01Z"},
        {people, "{'p':{'A':{'hr':74,'t':0},'':{'hr':75,'t':1}}}",
         "CUSTOMER_ID_EMPTY: customer_id at the name of /p/(member 1) is an empty string; expected a "
         "non-empty string or "
         "an integer"},
    });
}

const Fields two = {"'outer/user'", "'each/bpm'",
                    "{'at':'outer/t','unit':'s','plus':'each/o','plus_unit':'s'}",
                    "'each':['/data/metrics','/data'],'device_id':'/device'"};

TEST(MappedLists, TwoLevels) {
    expect_decoded({
        {two,
         "{'device':'w','data':{'metrics':[{'user':'A','t':60,'data':[{'o':0,'bpm':70},{'o':1,'bpm':71}]},"
         "{'user':'B','t':0,'data':[]},{'user':'C','t':120,'data':{'x':{'o':0,'bpm':72}}}]}}",
         "A w 70 1970-01-01T00:01:00Z; A w 71 1970-01-01T00:01:01Z; C w 72 1970-01-01T00:02:00Z"},
        {two, "{'data':{'metrics':[]}}", ""},
        {two, "{'data':{'metrics':[{'user':'A','t':60}]}}",
         "MISSING_FIELD: each is missing at /data/metrics/0/data; expected an array or an object"},
        {two, "{'data':{'metrics':[{'user':'A','t':60,'data':5}]}}",
         "WRONG_TYPE: each at /data/metrics/0/data is an integer; expected an array or an object"},
        {two, "{'data':{'metrics':[{'t':60,'data':[]},{'t':60,'data':[{'o':0,'bpm':1}]}]}}",
         "MISSING_FIELD: customer_id is missing at /data/metrics/1/user; expected a non-empty string or an "
         "integer"},
        {two,
         "{'data':{'metrics':[{'user':'A','t':0,'data':[]},{'user':'A','t':0,'data':[{'o':0,'bpm':1},{'o':0,'"
         "bpm':[]}]}]}}",
         "WRONG_TYPE: heart_rate at /data/metrics/1/data/1/bpm is an array; expected a number"},
        {two, "{'data':{'metrics':{'s':{'user':'A','t':0,'data':{'s':{'o':0}}}}}}",
         "MISSING_FIELD: heart_rate is missing at /data/metrics/(member 0)/data/(member 0)/bpm; expected a "
         "number"},
        {{"'/id'", "'each'", "{'at':'name','unit':'s','text':true}", "'each':['','']"},
         "{'id':{'5':60},'x':{'5':61}}",
         "WRONG_TYPE: customer_id at /id is an object; expected a non-empty string or an integer"},
        {{"'key'", "'each/1'", "{'at':'each/0','unit':'s'}", "'each':['value','']"},
         "[[[0,60],[1,61]],[[2,62]]]",
         "KEY-1 60 1970-01-01T00:00:00Z; KEY-1 61 1970-01-01T00:00:01Z; KEY-1 62 1970-01-01T00:00:02Z"},
    });
}

TEST(MappedLists, MessageConditions) {
    const std::string good = ",'id':'A','hr':74,'t':'2026-11-22T14:39:02Z'}",
                      seen = "A 74 2026-11-22T14:39:02Z";
    const auto when = [](const std::string &text) { return Fields{.more = "'when':{" + text + "}"}; };
    expect_decoded({
        {flat, "{'type':'hr'" + good, seen},
        {flat, "{'type':'steps','n':5}", "ignored"},
        {flat, "{'n':5}", "ignored"},
        {flat, "5", "ignored"},
        {flat, "{'type':'hr'}",
         "MISSING_FIELD: customer_id is missing at /id; expected a non-empty string or an integer"},
        {when("'/x':[1,'a',null]"), "{'x':1" + good, seen},
        {when("'/x':[1,'a',null]"), "{'x':1.0" + good, seen},
        {when("'/x':[1,'a',null]"), "{'x':'a'" + good, seen},
        {when("'/x':[1,'a',null]"), "{'x':null" + good, seen},
        {when("'/x':[1,'a',null]"), "{'y':1" + good, seen},
        {when("'/x':[1,'a',null]"), "{'x':'1'" + good, "ignored"},
        {when("'/x':[1,'a',null]"), "{'x':true" + good, "ignored"},
        {when("'/x':true"), "{'x':true" + good, seen},
        {when("'/x':true"), "{'x':false" + good, "ignored"},
        {when("'/x':{'a':[1,2],'b':{}}"), "{'x':{'b':{},'a':[1,2e0]}" + good, seen},
        {when("'/x':{'a':[1,2],'b':{}}"), "{'x':{'b':{},'a':[2,1]}" + good, "ignored"},
        {when("'/x':{'a':[1,2]}"), "{'x':{'a':[1,2],'b':1}" + good, "ignored"},
        {when("'/x':[[1,2]]"), "{'x':[1,2]" + good, seen},
        {when("'/x':[1,2]"), "{'x':[1,2]" + good, "ignored"},
        {when("'/x':9007199254740993"), "{'x':9007199254740993" + good, seen},
        {when("'/x':9007199254740993"), "{'x':9007199254740992" + good, "ignored"},
        {when("'/x':9007199254740993"), "{'x':9007199254740992.0" + good, "ignored"},
        {when("'/x':18446744073709551615"), "{'x':18446744073709551615" + good, seen},
        {when("'/x':18446744073709551615"), "{'x':-1" + good, "ignored"},
        {when("'/c/*/code':'8867-4'"), "{'c':[{'code':'x'},{'code':'8867-4'}]" + good, seen},
        {when("'/c/*/code':'8867-4'"), "{'c':[{'code':'x'}]" + good, "ignored"},
        {when("'/c/*/code':'8867-4'"), "{'c':[]" + good, "ignored"},
        {when("'/c/*/code':'8867-4'"), "{'c':{'m':{'code':'8867-4'}}" + good, seen},
        {when("'/c/*/*':1"), "{'c':[[2],[3,1]]" + good, seen},
        {when("'/c/*':1"), "{'c':1" + good, "ignored"},
        {when("'/c/1':1"), "{'c':[2,1]" + good, seen},
        {when("'/x':1,'/y':2"), "{'x':1,'y':3" + good, "ignored"},
    });
}

TEST(MappedLists, ConditionsOfTheEnvelope) {
    const std::string good = quoted("{'id':'A','hr':74,'t':'2026-11-22T14:39:02Z'}"),
                      seen = "A 74 2026-11-22T14:39:02Z";
    const std::string mapping = Fields{.more = "'when':{'header/type':['hr','pulse'],'key':'K'}"}.json();
    EXPECT_EQ(decode(mapping, {good, "K", {{"type", "pulse"}}}), seen);
    EXPECT_EQ(decode(mapping, {good, "L", {{"type", "pulse"}}}), "ignored");
    EXPECT_EQ(decode(mapping, {"no JSON", "K", {{"type", "sleep"}}}), "ignored")
        << "before the payload is parsed";
    EXPECT_EQ(decode(mapping, {"", "K", {{"type", "sleep"}}}), "ignored");
    EXPECT_EQ(decode(mapping, {good, "K", {{"type", "\xFF"}}}), "ignored");
    EXPECT_EQ(decode(mapping, {good, "K"}), "ignored");
    const std::string absent =
        Fields{.more = "'when':{'header/deleted':null,'kafka/timestamp':1795444742123}"}.json();
    EXPECT_EQ(decode(absent, {good}), seen);
    EXPECT_EQ(decode(absent, {good, "K", {{"deleted", "1"}}}), "ignored");
    EXPECT_EQ(decode(absent, {good, "K", {}, 1}), "ignored");
    const std::string key = Fields{.more = "'when':{'key/kind':'hr','/kind':null}"}.json();
    EXPECT_EQ(decode(key, {good, R"({"kind":"hr"})"}), seen);
    EXPECT_EQ(decode(key, {good, R"({"kind":"x"})"}), "ignored");
    EXPECT_EQ(decode(key, {good, "no JSON"}).substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(decode(key, {quoted("{'kind':1}"), "no JSON"}), "ignored")
        << "the payload's conditions come first";
}

TEST(MappedLists, ElementConditions) {
    const Fields some = with_when(samples, "'each/type':'hr'"), even = with_when(samples, "'name':[0,2,'4']");
    expect_decoded({
        {some, "{'id':'A','samples':[{'type':'x'},{'type':'hr','t':1,'bpm':75},5]}",
         "A 75 1970-01-01T00:00:01Z"},
        {some, "{'id':'A','samples':[{'type':'x'},5]}", "ignored"},
        {some, "{'id':'A','samples':[]}", ""},
        {some, "{'id':'A','samples':[{'type':'hr'}]}",
         "MISSING_FIELD: heart_rate is missing at /samples/0/bpm; expected a number"},
        {even, "{'id':'A','samples':[{'t':0,'bpm':1},{'t':1,'bpm':2},{'t':2,'bpm':3},5,{'t':4,'bpm':5}]}",
         "A 1 1970-01-01T00:00:00Z; A 3 1970-01-01T00:00:02Z; A 5 1970-01-01T00:00:04Z"},
        {even, "{'id':'A','samples':{'0':{'t':0,'bpm':1},'x':5,'2.0':{'t':1,'bpm':2}}}",
         "A 1 1970-01-01T00:00:00Z; A 2 1970-01-01T00:00:01Z"},
    });
}

TEST(MappedLists, OuterConditions) {
    const Fields named = with_when(two, "'outer/name':'heart_rate'");
    const std::string hr = "{'name':'heart_rate','user':'A','t':0,'data':[{'o':0,'bpm':70}]}",
                      other = "{'name':'steps','values':5}", empty = "{'name':'heart_rate','data':[]}";
    const auto message = [](const std::string &metrics) { return "{'data':{'metrics':[" + metrics + "]}}"; };
    expect_decoded({
        {named, message(other + "," + hr), "A 70 1970-01-01T00:00:00Z"},
        {named, message(other), "ignored"},
        {named, message(other + "," + other), "ignored"},
        {named, message(other + "," + empty), ""},
        {named, message(""), ""},
        {with_when(two, "'outer/name':'heart_rate','each/ok':true"), message(hr), "ignored"},
        {with_when(two, "'outer/name':'heart_rate','each/ok':true"), message(hr + "," + other), "ignored"},
        {with_when(two, "'outer/name':'heart_rate','each/ok':true"), message(hr + "," + empty), ""},
        {with_when(two, "'each/ok':true,'/kind':1"), message(hr), "ignored"},
    });
}

} // namespace
} // namespace heartbeat
