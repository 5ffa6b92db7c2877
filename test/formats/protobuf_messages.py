"""Random messages of Protobuf, and changes of their bytes that Protobuf allows. protobuf_oracle.py uses this module."""

from protobuf_schemas import FIELD, LIMITS


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint(number * 2)


def random_scalar(rng, field):
    kind = field.type
    if kind == FIELD.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == FIELD.TYPE_STRING:
        return ''.join(rng.choice(['a', 'bc', 'é', '€', '😀', ' ', '"']) for _ in range(rng.randint(0, 5)))
    if kind == FIELD.TYPE_BYTES:
        return rng.randbytes(rng.choice([0, 1, 3, 200]))
    if kind == FIELD.TYPE_ENUM:
        values = [v.number for v in field.enum_type.values]
        return rng.choice(values if field.enum_type.is_closed or rng.random() < 0.8 else [55, -77])
    if kind in LIMITS:
        low, high = LIMITS[kind]
        return rng.choice([0, 1, 127, 128, 300, low, high, rng.randint(low, high)])
    value = rng.choice([0.0, -0.0, 1.5, -2.25, 72.0, 1e30, rng.random(), rng.random() * 1e-30])
    return value


def random_fill(rng, message, depth):
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.35:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            target = getattr(message, field.name)
            for _ in range(rng.choice([0, 1, 2, 20])):
                if value.message_type is None:
                    target[random_scalar(rng, key)] = random_scalar(rng, value)
                elif depth > 0:
                    random_fill(rng, target[random_scalar(rng, key)], depth - 1)
        elif field.message_type is not None:
            if depth == 0:
                continue
            if field.is_repeated:
                for _ in range(rng.choice([0, 1, 3])):
                    random_fill(rng, getattr(message, field.name).add(), depth - 1)
            else:
                getattr(message, field.name).SetInParent()
                random_fill(rng, getattr(message, field.name), depth - 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(random_scalar(rng, field) for _ in range(rng.choice([0, 1, 3, 9])))
        else:
            setattr(message, field.name, random_scalar(rng, field))


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return number, at


def split(data, at=0, group=None):
    """Returns the fields of a message as (number, wire type, bytes of the content), and the end."""
    fields = []
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        start = at
        if wire == 0:
            _, at = read_varint(data, at)
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        elif wire == 2:
            size, start = read_varint(data, at)
            at = start + size
        elif wire == 3:
            _, end, at = split(data, at, number)
            fields.append((number, wire, data[start:end]))
            continue
        else:
            return fields, start - len(varint(tag)), at
        fields.append((number, wire, data[start:at]))
    return fields, at, at


def join(fields):
    out = bytearray()
    for number, wire, content in fields:
        out += varint(number << 3 | wire)
        if wire == 2:
            out += varint(len(content))
        out += content
        if wire == 3:
            out += varint(number << 3 | 4)
    return bytes(out)


def unknown(rng, descriptor):
    number = rng.choice([21, 22, 62, 65, 3000, 2**29 - 2])
    wire = rng.choice([0, 1, 2, 3, 5])
    content = {0: varint(rng.getrandbits(64)), 1: rng.randbytes(8), 2: rng.randbytes(rng.randint(0, 9)),
               3: join([(1, 0, b'\7'), (2, 3, join([(3, 2, b'xyz')]))]), 5: rng.randbytes(4)}[wire]
    known = descriptor.fields_by_number.get(number)
    return [] if known is not None else [(number, wire, content)]


def wire_of(field):
    if field.type in (FIELD.TYPE_DOUBLE, FIELD.TYPE_FIXED64, FIELD.TYPE_SFIXED64):
        return 1
    return 5 if field.type in (FIELD.TYPE_FLOAT, FIELD.TYPE_FIXED32, FIELD.TYPE_SFIXED32) else 0


def repack(rng, field, part):
    """Divides the elements of a repeated number into new parts. Each part is packed, or is one unpacked element."""
    number, wire, content = part
    one = wire_of(field)
    elements, at = [], 0
    if wire == 2:
        while at < len(content):
            end = at + 8 if one == 1 else at + 4 if one == 5 else read_varint(content, at)[1]
            elements.append(content[at:end])
            at = end
    else:
        elements = [content]
    parts = []
    while elements:
        count = rng.randint(1, len(elements))
        if count == 1 and rng.random() < 0.7:
            parts.append((number, one, elements[0]))
        else:
            parts.append((number, 2, b''.join(elements[:count])))
        elements = elements[count:]
    if rng.random() < 0.2:
        parts.append((number, 2, b''))
    return parts


def mutate(rng, data, descriptor, other, depth=0, is_entry=False):
    """Changes the bytes of a message. `other` has the bytes of another message of the same type, or is empty."""
    fields = split(data)[0]
    out = []
    for part in fields:
        field = descriptor.fields_by_number.get(part[0])
        if field is None:
            out.append(part)
        elif field.message_type is not None:
            entry = field.message_type.GetOptions().map_entry
            content = mutate(rng, part[2], field.message_type, b'', depth + 1, entry)
            if not field.is_repeated and rng.random() < 0.3:  # divides the message into two pieces
                pieces = split(content)[0]
                cut = rng.randint(0, len(pieces))
                out.append((part[0], part[1], join(pieces[:cut])))
                content = join(pieces[cut:])
            out.append((part[0], part[1], content))
        elif field.is_repeated and field.type not in (FIELD.TYPE_STRING, FIELD.TYPE_BYTES):
            out.extend(repack(rng, field, part))
        else:
            out.append(part)
            if wire_of(field) == 0 and part[1] == 0 and rng.random() < 0.1:  # adds a longer varint with another value
                out.append((part[0], 0, varint(rng.getrandbits(rng.choice([8, 31, 33, 64])))))
            if not is_entry and rng.random() < 0.03:  # adds the field with a wrong wire type, as an unknown field
                out.append((part[0], 5 if part[1] != 5 else 1, rng.randbytes(4 if part[1] != 5 else 8)))
    if depth == 0 and other and rng.random() < 0.5:
        out.extend(split(other)[0])
    if rng.random() < 0.3:
        rng.shuffle(out)
    if not is_entry:
        for _ in range(rng.choice([0, 0, 1, 2])):
            for part in unknown(rng, descriptor):
                out.insert(rng.randint(0, len(out)), part)
    if rng.random() < 0.2 and out:
        out.append(rng.choice(out))
    return join(out)


def has_odd_entry(data, descriptor, is_entry=False):
    """Whether an entry of a map has an unknown field.

    If an entry has an unknown field, the official library for Python drops the entry. The library for C++ and heartbeat
    keep the entry, because in the specification an entry is a message like other messages.
    """
    for number, wire, content in split(data)[0]:
        field = descriptor.fields_by_number.get(number)
        if is_entry and (field is None or (field.message_type is None and wire != 2 and wire != wire_of(field))
                         or (wire == 2) != (field.type in (FIELD.TYPE_STRING, FIELD.TYPE_BYTES, FIELD.TYPE_MESSAGE))):
            return True
        if field is not None and field.message_type is not None and wire in (2, 3) and \
                has_odd_entry(content, field.message_type, field.message_type.GetOptions().map_entry):
            return True
    return False
