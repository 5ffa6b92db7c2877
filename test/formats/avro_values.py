# Random values of Avro schemas for avro_oracle.py. No library of Avro is needed to make these values. Functions convert a
# value to the form that heartbeat or a library of Avro needs.
import datetime
import decimal
import struct

from avro_schemas import APACHE_TIMES, MAX_DEPTH, branch_name

DAY = datetime.date(1970, 1, 1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def random_text(rng):
    alphabet = rng.choice(["abc xyz09", "aé\u4e2d\U0001f493\"\\\n\t/~"])
    return "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 1, 3, 9, 70])))


def random_integer(rng, bits):
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, rng.choice([-1, 1]) * rng.getrandbits(rng.randint(0, bits))))


def random_value(rng, model, apache, depth=0):
    kind = model.kind
    deep = depth > 2 * MAX_DEPTH
    count = 0 if deep else rng.choice([0, 1, 1, 2, 3, 3, 30 if depth < 2 else 1])
    if kind == "null":
        return None
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("int", "long"):
        return random_integer(rng, 32 if kind == "int" else 64)
    if kind == "float":
        return struct.unpack("<f", struct.pack("<f", rng.choice([rng.uniform(-300, 300), 0.0, 1e30, 1e-40])))[0]
    if kind == "double":
        return rng.choice([rng.uniform(-300, 300), -0.0, 1.7e308, 5e-324, float(rng.randint(0, 200))])
    if kind == "bytes":
        return rng.randbytes(rng.choice([0, 1, 7, 150]))
    if kind == "string":
        return random_text(rng)
    if kind == "fixed":
        return rng.randbytes(model.size)
    if kind == "uuid":
        return rng.randbytes(16)
    if kind == "enum":
        return rng.randrange(len(model.symbols))
    if kind == "time":
        if apache:
            return rng.randint(0, APACHE_TIMES[model.logical])
        return random_integer(rng, 32 if model.base == "int" else 64)
    if kind == "decimal":
        return rng.choice([-1, 1]) * rng.randrange(10 ** rng.randint(0, model.precision))
    if kind == "array":
        return [random_value(rng, model.items, apache, depth + 1) for _ in range(count)]
    if kind == "map":
        return {random_text(rng): random_value(rng, model.items, apache, depth + 1) for _ in range(count)}
    if kind == "record":
        return [random_value(rng, field, apache, depth + 1) for _, field in model.fields]
    nulls = [i for i, branch in enumerate(model.branches) if branch.kind == "null"]
    index = nulls[0] if deep else rng.randrange(len(model.branches))
    return index, random_value(rng, model.branches[index], apache, depth + 1)


def decimal_of(model, value):
    with decimal.localcontext(decimal.Context(prec=400, Emin=-999999, Emax=999999)):
        return decimal.Decimal(value).scaleb(-model.scale)


def uuid_text(value):
    digits = value.hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def transform(model, value, scalar, union):
    """Builds the form of a value. `scalar` converts a value without children, and `union` converts a chosen branch."""
    def inner(child, child_value):
        return transform(child, child_value, scalar, union)

    if model.kind == "array":
        return [inner(model.items, v) for v in value]
    if model.kind == "map":
        return {k: inner(model.items, v) for k, v in value.items()}
    if model.kind == "record":
        return {name: inner(field, v) for (name, field), v in zip(model.fields, value)}
    if model.kind == "union":
        branch = model.branches[value[0]]
        return union(branch, inner(branch, value[1]))
    return scalar(model, value)


def fast_datum(model, value):
    """Builds the value for fastavro, and names the branch of each union."""
    def scalar(leaf, v):
        if leaf.kind == "decimal":
            return decimal_of(leaf, v)
        if leaf.kind == "enum":
            return leaf.symbols[v]
        if leaf.kind == "uuid" and leaf.size is None:
            return uuid_text(v)
        return v

    return transform(model, value, scalar, lambda branch, v: (branch_name(branch), v))


def apache_datum(model, value):
    """Builds the value for Apache's library. A time is an object of Python's classes."""
    def scalar(leaf, v):
        if leaf.kind == "time":
            return apache_time(leaf.logical, v)
        return fast_datum(leaf, v)

    return transform(model, value, scalar, lambda _branch, v: v)


def apache_time(logical, value):
    if logical == "date":
        return DAY + datetime.timedelta(days=value)
    unit = {"millis": 1000, "micros": 1}[logical.rpartition("-")[2]]
    moment = EPOCH + datetime.timedelta(microseconds=value * unit)
    return moment.time() if logical.startswith("time-") else moment


def expected_tree(model, value):
    """Returns the output that avro_dump must write for a value."""
    def scalar(leaf, v):
        if leaf.kind in ("float", "double"):
            return {"$real": v}
        if leaf.kind == "decimal":
            return {"$real": float(decimal_of(leaf, v))}
        if leaf.kind in ("bytes", "fixed"):
            return {"$bytes": v.hex()}
        if leaf.kind == "time":
            return {"$time": [leaf.scale, v]}
        if leaf.kind == "uuid":
            return uuid_text(v)
        return fast_datum(leaf, v)

    return transform(model, value, scalar, lambda _branch, v: v)


def natural_tree(value):
    """Returns the output of avro_dump for a value. The library has ignored the logical type of this value."""
    if isinstance(value, float):
        return {"$real": value}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, list):
        return [natural_tree(v) for v in value]
    if isinstance(value, dict):
        return {k: natural_tree(v) for k, v in value.items()}
    return value
