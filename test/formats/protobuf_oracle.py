"""Compares the reader of Protobuf with the official library.

The program makes random schemas and messages, and changes the bytes of the messages in ways that Protobuf allows. The
official library reads the messages, and the program compares each tree with the tree of protobuf_dump.
test/formats/Makefile calls this program.
"""

import argparse
import json
import random
import subprocess
import sys

from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from protobuf_messages import has_odd_entry, mutate, random_fill, zigzag
from protobuf_schemas import Schema
from protobuf_trees import NotFinite, Reader, random_places, want_of


def from_json(text):
    def pairs(found):
        result = dict(found)
        assert len(result) == len(found), 'a name is repeated'
        for kind in ('bytes', 'time'):
            if list(result) == [kind]:
                return (kind, result[kind])
        return result
    return json.loads(text, object_pairs_hook=pairs, parse_float=lambda real: ('real', float(real)))


def same(left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def make_cases(rng, schema, count):
    for _ in range(count):
        path, descriptor = rng.choice(schema.types)
        factory = message_factory.GetMessageClass(descriptor)
        message, other = factory(), factory()
        random_fill(rng, message, 3)
        random_fill(rng, other, 1)
        data = message.SerializePartialToString()
        if rng.random() < 0.8:
            data = mutate(rng, data, descriptor, other.SerializePartialToString())
        damaged = rng.random() < 0.03 and len(data) > 0
        if damaged:
            position = rng.randrange(len(data))
            data = data[:position] + (b'' if rng.random() < 0.5 else rng.randbytes(1) + data[position + 1:])
        framed = path != [0] or rng.random() < 0.5
        prefix = b''
        if framed:
            prefix = b'\0' if path == [0] and rng.random() < 0.7 else zigzag(len(path)) + b''.join(map(zigzag, path))
        parsed = factory()
        try:
            parsed.MergeFromString(data)
        except DecodeError:
            parsed = None
        if damaged and parsed is not None and has_odd_entry(data, descriptor):
            continue
        for places in [['whole'], random_places(rng, descriptor), random_places(rng, descriptor)]:
            yield framed, places, prefix, data, parsed


def expected(parsed, places):
    if parsed is None:
        return 'error'
    try:
        return Reader().message(parsed, want_of(places))
    except NotFinite:
        return 'error'


def compare(case, line):
    framed, places, prefix, data, parsed = case
    want = expected(parsed, places)
    is_error = line.split(':')[0].isupper() and line[0] not in '{["'
    if want == 'error':
        # heartbeat skips values that are not wanted, and values that a later value of the same field replaces. So heartbeat
        # may accept a message in which such a value is invalid
        return is_error or (parsed is None and (places != ['whole'] or 'lenient'))
    if is_error:
        return False
    return same(from_json(line), want)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--dump', required=True)
    parser.add_argument('--cases', type=int, default=20000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    done = errors = failed = number = lenient = 0
    while done < options.cases and failed < 5:
        batch, lines = [], []
        for _ in range(20):
            number += 1
            schema = Schema(rng, number)
            descriptors = schema.files.SerializeToString().hex()
            for case in make_cases(rng, schema, 20):
                framed, places, prefix, data, _parsed = case
                lines.append('\t'.join([descriptors, 'framed' if framed else 'plain', ' '.join(places),
                                        (prefix + data).hex()]))
                batch.append((schema, case))
                descriptors = ''
        run = subprocess.run([options.dump], input='\n'.join(lines) + '\n', capture_output=True, text=True,
                             encoding='utf-8', check=False)
        out = run.stdout.split('\n')
        if run.returncode != 0:
            sys.exit(f'{options.dump} failed after {len(out) - 1} lines: {run.stderr}')
        for (schema, case), line in zip(batch, out):
            done += 1
            errors += case[4] is None
            try:
                good = compare(case, line)
            except Exception as fault:  # pylint: disable=broad-except
                good, line = False, f'{line} ({fault!r})'
            lenient += good == 'lenient'
            if not good and failed < 5:
                failed += 1
                print(f'schema:\n{schema.files.file[-1]}\nframed {case[0]}, places {case[1]}, message '
                      f'{case[2].hex()} {case[3].hex()}\nfound    {line}\nexpected {expected(case[4], case[1])}')
    print(f'{done} cases of {number} schemas with seed {options.seed}, {errors} of them no valid messages: '
          f'{failed} differ')
    if lenient * 20 > errors:
        sys.exit(f'heartbeat accepted {lenient} messages that the official library refuses')
    print('0 passed, 1 failed' if failed else '1 passed, 0 failed')
    sys.exit(1 if failed else 0)


main()
