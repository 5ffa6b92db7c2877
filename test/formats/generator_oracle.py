"""Compares the generator's formats with its JSON messages of the same seed and start time.

fastavro, the protobuf package and jsonschema read the bytes. test/formats/Makefile runs this program:

    generator_oracle.py PATH_OF_THE_GENERATOR MESSAGES
"""

import datetime
import decimal
import importlib
import io
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings

import fastavro
import jsonschema
from google.protobuf import json_format
from grpc_tools import protoc

warnings.filterwarnings("ignore", module="google.protobuf")

GENERATOR, COUNT = sys.argv[1], int(sys.argv[2])
ID, KEY_ID = 258, 65536
WORK = pathlib.Path(tempfile.mkdtemp(prefix="generator_oracle"))

PRESETS = (
    "heartbeat fhir-observation fitbit-intraday garmin-push health-connect open-mhealth "
    "radar radar-garmin radar-polar"
).split()

TEMPLATES = {
    "every placeholder": {
        "value": {
            "customer": "${customer_id}", "number": "${customer_number}", "device": "${device_id}",
            "device_number": "${device_number}", "message": "${message_number}", "uuid": "${uuid}",
            "bpm": "${heart_rate}", "hz": "${heart_rate:hz}", "rr_ms": "${heart_rate:rr_ms}",
            "rr_s": "${heart_rate:rr_s}", "text": "${heart_rate|text}", "mixed": "${heart_rate} bpm at ${time:s}",
            "iso": "${time}", "s": "${time:s}", "ms": "${time:ms}", "us": "${time:us}", "ns": "${time:ns}",
            "fraction": "${time:s.ffffff}", "ms_fraction": "${time:ms.ff}", "pattern": "${time:YYYYMMDD HH:MM}",
            "start": "${start_time:ms}", "end": "${end_time:ms}", "offset": "${offset:ms}",
            "duration": "${duration:s.fff}",
        }
    },
    "constants": {
        "value": {
            "bpm": "${heart_rate}", "null": None, "true": True, "false": False, "integer": -5, "zero": 0,
            "large": 9223372036854775807, "small": -9223372036854775808, "real": -2.5e-3, "text": "ä\u0001𝄞\"", "empty": "",
            "object": {}, "array": [], "numbers": [1, 2.5, 0], "texts": ["a", "", "b" * 200], "flags": [True, False],
        }
    },
    "names": {
        "value": {"heart-rate": "${heart_rate}", "0": {"a.b": 1, "ä": 2}, "camelCase": 3, "snake_case": 4, "": 5, "Message": {"x": 1}}
    },
    "nested repeats": {
        "value": {
            "outer": {"$repeat": 4, "$each": {"t": "${time:ms}", "inner": {"$repeat": 5, "$each": {"o": "${offset:us}", "v": "${heart_rate}"}}}},
            "rates": {"$repeat": 20, "$each": "${heart_rate}"}, "offsets": {"$repeat": 20, "$each": "${offset:ms}"},
            "texts": {"$repeat": 20, "$each": "${time:iso+02:00}"},
            "named": {"$repeat": 20, "$name": "o${offset:ms}", "$each": {"bpm": "${heart_rate}", "at": "${time:s.fff}"}},
        }
    },
    "changing names": {"value": {"at": {"${time:iso}": "${heart_rate}", "fixed": 3}, "by": {"${customer_id}": {"x": ["${uuid}"]}}}},
    "short at midnight": {
        "value": {"day": "${start_time:YYYY-MM-DD}", "x": {"$repeat": 90, "$each": {"time": "${time:HH:MM:SS.fff}", "value": "${heart_rate}"}}}
    },
    "long text": {"value": {"a": {"text": "x" * 300 + "${customer_id}"}, "b": {"c": {"d": "y" * 20000 + "${uuid}"}}}},
}

# Only Avro and JSON Schema can express these templates.
NOT_PROTOBUF = {
    "an array": {"value": {"$repeat": 3, "$each": {"v": "${heart_rate}"}}},
    "an array in an array": {"value": {"x": [[1, 2], [3]], "y": {"$repeat": 2, "$each": {"$repeat": 2, "$each": "${heart_rate}"}}}},
    "a number": {"value": "${heart_rate}"},
    "a map": {"value": {"$repeat": 2, "$name": "${offset:ms}", "$each": [None, None]}},
}

# Templates with an Avro schema, and the value that fastavro must read from the first message.
SCHEMA = {
    "type": "record", "name": "a.b.Reading", "fields": [
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["REST", "SPORT"]}},
        {"name": "who", "type": ["null", "string"]},
        {"name": "rate", "type": ["null", "int", "double"]},
        {"name": "small", "type": "float"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "at_us", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "fixed_price", "type": {"type": "fixed", "name": "P", "size": 12, "logicalType": "decimal", "precision": 20, "scale": 3}},
        {"name": "missing", "type": ["null", "string"], "default": None},
        {"name": "more", "type": {"type": "array", "items": {"type": "map", "values": "long"}}, "default": [{"a": 5}]},
        {"name": "next", "type": ["null", "Reading"]},
        {"name": "raw", "type": "bytes", "default": "\u00ff\u0001"},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
        {"name": "heart_rates", "type": {"type": "map", "values": "int"}},
    ]
}
USER_TEMPLATE = {
    "key": {"user": "${customer_id}"},
    "value": {
        "at": "${time:iso}", "at_us": "${time:s}", "day": "${time:YYYY-MM-DD}", "clock": "${time:HH:MM:SS}", "who": "${customer_id}",
        "kind": "SPORT", "rate": "${heart_rate:hz}", "small": "${heart_rate}", "price": "${heart_rate:hz}", "fixed_price": -1.5,
        "next": None, "code": "ab", "heart-rates": {"$repeat": 2, "$name": "${offset:s}", "$each": "${heart_rate}"},
    },
}


def run(*arguments):
    done = subprocess.run([GENERATOR, *map(str, arguments)], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stderr.decode()}")
    return done.stdout.decode()


def messages(layout, *arguments):
    return run(
        *layout, "--dry-run", "--quiet", "--count", COUNT, "--seed", 5, "--customers", 7, "--interval", 0,
        "--anomaly-rate", 0.3, "--start-time", "2026-11-22T23:59:00.123456Z", *arguments,
    ).splitlines()


def unframed(line, id_, message_index=b""):
    data = bytes.fromhex(line)
    frame = b"\0" + struct.pack(">I", id_) + message_index
    assert data.startswith(frame), data[:8]
    return data[len(frame):]


def avro(schema, data):
    stream = io.BytesIO(data)
    value = fastavro.schemaless_reader(stream, schema)
    assert stream.read() == b"", "bytes are left"
    return value


def to_unit(time, unit):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (time - epoch) // datetime.timedelta(microseconds=1) // unit


def legal(name):
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" * len(c.encode()) for c in name)
    return ("_" + text if not text or text[0].isdigit() else text)


def same(read, wanted, path=""):
    """Compares what a library has read with the JSON value."""
    if isinstance(wanted, dict):
        names = {name: legal(name) if legal(name) in read and name not in read else name for name in wanted}
        assert set(names.values()) == set(read), (path, set(read) ^ set(names.values()))
        for name, value in wanted.items():
            same(read[names[name]], value, f"{path}/{name}")
    elif isinstance(wanted, list):
        assert len(read) == len(wanted), (path, len(read), len(wanted))
        for index, (a, b) in enumerate(zip(read, wanted)):
            same(a, b, f"{path}/{index}")
    elif isinstance(read, datetime.datetime):
        unit = 1000 if wanted < 10**14 else 1
        assert to_unit(read, unit) == wanted, (path, read, wanted)
    elif isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        assert read == wanted and type(read) is type(wanted), (path, read, wanted)
    else:
        assert read == wanted or math.isclose(read, float(wanted), rel_tol=1e-15), (path, read, wanted)


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(v) for name, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def compile_proto(text, name):
    # Python's library accepts the full name of a type only once, so each schema gets a package of its own
    (WORK / f"{name}.proto").write_text(text.replace("heartbeat.generator", name))
    assert protoc.main(["protoc", f"-I{WORK}", f"--python_out={WORK}", str(WORK / f"{name}.proto")]) == 0, text
    return importlib.import_module(f"{name}_pb2").Message


def proto_value(message):
    """Returns the value of a message as in JSON: the name of each field is its json_name."""
    result = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            is_message = field.message_type.fields_by_name["value"].message_type
            value = {key: proto_value(v) if is_message else v for key, v in value.items()}
        elif field.is_repeated:
            value = [proto_value(v) if field.message_type else v for v in value]
        elif field.message_type:
            value = proto_value(value)
        result[field.json_name] = value
    return result


def check_avro(name, layout, wanted):
    # for the presets of RADAR-base the generator uses the schemas of RADAR-base, in which `rrsMs` has whole numbers; so the test
    # rounds the numbers of the JSON message
    schema = fastavro.parse_schema(json.loads(run(*layout, "--format", "avro", "--print-schema")))
    has_key = name.startswith("radar")
    ids = ["--schema-id", ID] + (["--key-schema-id", KEY_ID] if has_key else [])
    lines = messages(layout, "--format", "avro", *ids)
    bare = messages(layout, "--format", "avro")
    for line, other, value in zip(lines, bare, wanted, strict=True):
        if has_key:
            key, line = line.split()
            key_schema = json.loads(run(*layout, "--print-template"))["key_schema"]
            read = avro(key_schema, unframed(key, KEY_ID))
            assert read["projectId"] == "heartbeat" and read["userId"].startswith("CUST-000"), read
            assert read["sourceId"] == read["userId"].replace("CUST", "DEV") + "-1", read
            other = other.split()[1]
            value = {n: [round(x) for x in v] if n == "rrsMs" else v for n, v in value.items()}
        data = unframed(line, ID)
        assert data.hex() == other
        read = avro(schema, data)
        same(read, value, name)
    return len(lines)


def check_protobuf(name, layout, wanted, number):
    message = compile_proto(run(*layout, "--format", "protobuf", "--print-schema"), f"layout{number}")
    lines = messages(layout, "--format", "protobuf", "--schema-id", ID)
    for line, value in zip(lines, wanted, strict=True):
        read = message()
        data = unframed(line, ID, b"\0")
        assert read.ParseFromString(data) == len(data)
        same(proto_value(read), without_nulls(value), name)
    return len(lines)


def check_json_schema(name, layout, wanted):
    validator = jsonschema.Draft7Validator(json.loads(run(*layout, "--format", "json-schema", "--print-schema")))
    jsonschema.Draft7Validator.check_schema(validator.schema)
    lines = messages(layout, "--format", "json-schema", "--schema-id", ID)
    for line, value in zip(lines, wanted, strict=True):
        read = json.loads(unframed(line, ID))
        assert read == value
        validator.validate(read)
    assert not validator.is_valid({"x": "y"}) or name == "a number", name
    return len(lines)


def check_users_schema():
    layout = ["--template", write("user.json", USER_TEMPLATE), "--schema", write("user.avsc", SCHEMA),
              "--key-schema", write("key.avsc", {"type": "record", "name": "K", "fields": [{"name": "user", "type": "string"}]})]
    wanted = [json.loads(line) for line in messages(layout[:2])]
    lines = messages(layout, "--format", "avro")
    for line, value in zip(lines, wanted, strict=True):
        key, line = line.split()
        assert avro({"type": "record", "name": "K", "fields": [{"name": "user", "type": "string"}]}, bytes.fromhex(key)) == {"user": value["who"]}
        read = avro(fastavro.parse_schema(SCHEMA), bytes.fromhex(line))
        at = datetime.datetime.fromisoformat(value["at"].replace("Z", "+00:00"))
        assert read["at"] == at.replace(microsecond=at.microsecond // 1000 * 1000), read
        assert read["at_us"] == at and read["day"] == at.date(), read
        assert read["clock"] == at.time().replace(microsecond=at.microsecond // 1000 * 1000), read
        assert read["kind"] == "SPORT" and read["who"] == value["who"] and read["rate"] == value["rate"], read
        assert read["small"] == value["small"] and read["code"] == b"ab" and read["raw"] == b"\xff\x01", read
        assert abs(read["price"] - decimal.Decimal(value["price"])) <= decimal.Decimal("0.005"), read
        assert read["fixed_price"] == decimal.Decimal("-1.500") and read["missing"] is None and read["next"] is None
        assert read["more"] == [{"a": 5}] and read["heart_rates"] == value["heart-rates"], read
    return len(lines)


def write(name, value):
    (WORK / name).write_text(json.dumps(value))
    return str(WORK / name)


def main():
    sys.path.insert(0, str(WORK))
    layouts = {name: ["--preset", name] for name in PRESETS}
    for number, (name, template) in enumerate({**TEMPLATES, **NOT_PROTOBUF}.items()):
        layouts[name] = ["--template", write(f"{number}.json", template)]
    for number, (name, layout) in enumerate(layouts.items()):
        wanted = [json.loads(line) for line in messages(layout, "--format", "json")]
        compared = f"avro {check_avro(name, layout, wanted)}, json-schema {check_json_schema(name, layout, wanted)}"
        if name not in NOT_PROTOBUF:
            compared += f", protobuf {check_protobuf(name, layout, wanted, number)}"
        print(f"{name}: {compared}")
    print(f"a user's schema: avro {check_users_schema()}")
    print(f"{len(layouts) + 1} passed, 0 failed")


main()
