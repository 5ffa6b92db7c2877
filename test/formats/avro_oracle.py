# Compares heartbeat's reader of Avro with fastavro and with Apache's library, on random schemas and messages:
#
#   avro_oracle.py --dump PROGRAM [--cases N] [--seed N]
#
# PROGRAM is avro_dump. avro_dump itself checks that it reads single places in the same way as whole messages. A case is one of:
# - fastavro or Apache's library writes a value as a message, and heartbeat must read this value.
# - avro_encoder.py writes a value as a message with blocks of all kinds, and both fastavro and heartbeat must read this value.
# - The test changes bytes of a message. If heartbeat accepts this message, fastavro must read the same value as heartbeat.
import argparse
import collections
import io
import json
import random
import subprocess
import sys
import warnings

import avro.errors
import avro.io
import avro.schema
import fastavro
import fastavro.schema

from avro_encoder import encode
from avro_mappings import random_mapping
from avro_schemas import SchemaMaker, strip_logical
from avro_values import apache_datum, expected_tree, fast_datum, natural_tree, random_value

BATCH = 1000


class Case:
    def __init__(self, way, schemas, data, expected, mapping=None):
        self.way, self.schemas, self.data, self.expected, self.mapping = way, schemas, data, expected, mapping

    def line(self):
        mapping = "whole" if self.mapping is None else json.dumps(self.mapping)
        return "\t".join([mapping, self.data.hex()] + [json.dumps(s) for s in self.schemas])


def real(value):
    return {"$real": float.fromhex(value["$real"])} if set(value) == {"$real"} else value


def same(left, right):
    """Whether two values are equal. True differs from 1, and 1 differs from 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return left == right


def fast_wrap(schemas):
    """fastavro accepts only one schema. So the referenced schema becomes the type of an array, which is always empty."""
    if len(schemas) == 1:
        return fastavro.parse_schema(schemas[0]), False
    fields = [{"name": "referenced", "type": {"type": "array", "items": schemas[0]}}, {"name": "root", "type": schemas[1]}]
    return fastavro.parse_schema({"type": "record", "name": "Wrap", "fields": fields}), True


def fast_write(schemas, datum):
    schema, is_wrapped = fast_wrap(schemas)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, {"referenced": [], "root": datum} if is_wrapped else datum)
    return out.getvalue()[1 if is_wrapped else 0:]


def fast_read(schemas, data):
    """Returns the value, and whether fastavro has read all bytes."""
    schema, is_wrapped = fast_wrap(schemas)
    stream = io.BytesIO(b"\0" + data if is_wrapped else data)
    value = fastavro.schemaless_reader(stream, schema, None)
    return value["root"] if is_wrapped else value, stream.read() == b""


def apache_write(schema, datum):
    out = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(json.dumps(schema))).write(datum, avro.io.BinaryEncoder(out))
    return out.getvalue()


def make_schemas(rng, apache):
    """Returns the JSON of one or two schemas, and the model of the last schema."""
    maker = SchemaMaker(rng, apache)
    first = []
    if not apache and rng.random() < 0.2:
        schema, _model = maker.make_record(2, "", False)
        first = [schema]
    schema, model = maker.make()
    return first + [schema], model


def make_case(rng):
    way = rng.choice(["fastavro", "fastavro", "apache", "blocks", "blocks", "changed"])
    schemas, model = make_schemas(rng, way == "apache")
    value = random_value(rng, model, way == "apache")
    expected = expected_tree(model, value)
    mapping = random_mapping(rng, model, value) if rng.random() < 0.6 else None
    if way == "fastavro":
        return Case(way, schemas, fast_write(schemas, fast_datum(model, value)), expected, mapping)
    if way == "apache":
        return Case(way, schemas, apache_write(schemas[0], apache_datum(model, value)), expected, mapping)
    data = encode(rng, model, value)
    plain = [strip_logical(schema) for schema in schemas]
    if way == "blocks":
        read, is_whole = fast_read(plain, data)
        written, _is_whole = fast_read(plain, fast_write(schemas, fast_datum(model, value)))
        if not is_whole or not same_but_decimals(read, written):
            raise AssertionError(f"fastavro reads another value than avro_encoder.py wrote: {plain} {data.hex()}")
        return Case(way, schemas, data, expected, mapping)
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if changed and rng.random() < 0.8:
            changed[rng.randrange(len(changed))] = rng.choice([0, 1, 2, 3, 4, 6, 127, 128, 255, rng.randrange(256)])
        else:
            at = rng.randint(0, len(changed))
            changed[at:at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
    return Case(way, plain, bytes(changed), None)


def same_but_decimals(left, right):
    """Whether two values are equal. Additional leading bytes of a decimal do not matter."""
    if isinstance(left, bytes) and isinstance(right, bytes):
        return int.from_bytes(left, "big", signed=True) == int.from_bytes(right, "big", signed=True)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_but_decimals, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_but_decimals(left[k], right[k]) for k in left)
    return left == right


def judge(case, answer):
    """Returns two values: the problem or None, and whether heartbeat accepted the message."""
    try:
        tree = json.loads(answer, object_hook=real)
    except ValueError:
        if case.way == "changed" and answer.split(":")[0] in ("INVALID_AVRO", "NUMBER_OUT_OF_RANGE"):
            return None, False
        return answer, False
    expected = case.expected
    if case.way == "changed":
        try:
            value, is_whole = fast_read(case.schemas, case.data)
        except Exception as error:  # fastavro raises many types
            return f"fastavro refuses it: {error!r}", True
        if not is_whole:
            return "fastavro does not read all bytes", True
        expected = natural_tree(value)
    return (None if same(tree, expected) else f"expected {json.dumps(expected)}"), True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dump", required=True)
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Apache's library warns about logical types that it does not know
    rng = random.Random(options.seed)
    counts, differences = collections.Counter(), 0
    for begin in range(0, options.cases, BATCH):
        batch = [make_case(rng) for _ in range(min(BATCH, options.cases - begin))]
        run = subprocess.run([options.dump], input="".join(case.line() + "\n" for case in batch), text=True, capture_output=True,
                             check=False)
        answers = run.stdout.split("\n")[:-1]
        if run.returncode != 0 or len(answers) != len(batch):
            sys.exit(f"{options.dump} failed: {run.stderr}")
        for case, answer in zip(batch, answers):
            problem, accepted = judge(case, answer)
            counts[f"{case.way}: {'read' if accepted else 'refused'}"] += 1
            if problem:
                differences += 1
                print(f"{case.way}: {problem}\n  answer {answer}\n  line {case.line()}")
                if differences == 20:
                    sys.exit("too many differences")
    print("0 passed, 1 failed" if differences else "1 passed, 0 failed")
    print(f"seed {options.seed}: {options.cases} cases, {differences} differences; {dict(sorted(counts.items()))}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
