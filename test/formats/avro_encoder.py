# Writes Avro messages for avro_oracle.py. In these messages, blocks of arrays and maps have any length, and begin with or
# without their size in bytes. The official libraries write only one kind of blocks.
import struct

from avro_values import uuid_text


def varint(number):
    number = (number << 1) ^ (number >> 63)
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def with_length(data):
    return varint(len(data)) + data


def blocks(rng, items):
    """The blocks of an array or map. Some blocks begin with their size in bytes, because some writers add this size."""
    out = b""
    while items:
        size = rng.randint(1, len(items))
        block, items = items[:size], items[size:]
        data = b"".join(block)
        out += (varint(size) if rng.random() < 0.5 else varint(-size) + varint(len(data))) + data
    return out + varint(0)


def encode(rng, model, value):
    kind = model.kind
    if kind == "null":
        return b""
    if kind == "boolean":
        return b"\1" if value else b"\0"
    if kind in ("int", "long", "enum", "time"):
        return varint(value)
    if kind in ("float", "double"):
        return struct.pack("<f" if kind == "float" else "<d", value)
    if kind == "string":
        return with_length(value.encode())
    if kind == "bytes":
        return with_length(value)
    if kind == "fixed":
        return value
    if kind == "uuid":
        return value if model.size else with_length(uuid_text(value).encode())
    if kind == "decimal":
        if model.size:
            return value.to_bytes(model.size, "big", signed=True)
        return with_length(value.to_bytes(value.bit_length() // 8 + 1 + rng.choice([0, 0, 3]), "big", signed=True))
    if kind == "array":
        return blocks(rng, [encode(rng, model.items, v) for v in value])
    if kind == "map":
        return blocks(rng, [with_length(k.encode()) + encode(rng, model.items, v) for k, v in value.items()])
    if kind == "record":
        return b"".join(encode(rng, field, v) for (_, field), v in zip(model.fields, value))
    return varint(value[0]) + encode(rng, model.branches[value[0]], value[1])
