"""Makes the expected trees for protobuf_oracle.py, from the messages that the official library has read."""

import math

from protobuf_schemas import FIELD

MISSING = object()


class NotFinite(Exception):
    """A value that the tree cannot have."""


class Reader:
    """Makes the tree that heartbeat must read, from a message and its wanted values."""

    def __init__(self):
        self.faults = set()

    def scalar(self, field, value):
        if field.type == FIELD.TYPE_ENUM:
            known = field.enum_type.values_by_number.get(value)
            return value if known is None else known.name
        if field.type in (FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT):
            if not math.isfinite(value):
                raise NotFinite
            return ('real', value)
        if field.type == FIELD.TYPE_BYTES:
            return ('bytes', value.hex())
        if field.type == FIELD.TYPE_STRING and (isinstance(value, bytes) or '\0' in value):  # bytes stand for invalid UTF-8
            raise NotFinite
        return value

    def value(self, field, value, want):
        return self.scalar(field, value) if field.message_type is None else self.message(value, want)

    def message(self, message, want):
        descriptor = message.DESCRIPTOR
        if descriptor.file.package == 'google.protobuf':
            if descriptor.name.endswith('Value') and not want.has_children():
                return self.scalar(descriptor.fields[0], message.value)
            if descriptor.name == 'Timestamp' and want.is_time:
                if not (-62135596800 <= message.seconds <= 253402300799 and 0 <= message.nanos <= 999999999):
                    raise NotFinite
                time = message.seconds * 1000000 + (message.nanos + 500) // 1000
                members = {'time': time, 'seconds': message.seconds, 'nanos': message.nanos}
                return members if want.has_children() else ('time', time)
        members = {}
        names = {field.name for field in descriptor.fields}
        for field in descriptor.fields:
            found = [field.name] if field.name in want.children else []
            if field.json_name not in names and field.json_name in want.children:
                found.append(field.json_name)
            for name in found or [field.name]:
                child = want.child(name)
                if child is not None:
                    value = self.member(message, field, child)
                    if value is not MISSING:
                        members[name] = value
        return members

    def member(self, message, field, want):
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            of_value, entries = field.message_type.fields[1], {}
            for key in value:
                name = str(key).lower() if isinstance(key, bool) else str(key)
                child = want.child(name)
                if child is not None:
                    if isinstance(key, bytes) or '\0' in name:
                        raise NotFinite
                    entries[name] = self.value(of_value, value[key], child)
            return entries
        if field.is_repeated:
            numbers = [int(n) for n in want.children if n.isdigit() and str(int(n)) == n]
            end = len(value) if want.all_children() else min(len(value), max(numbers, default=-1) + 1)
            wants = [want.child(str(i)) for i in range(end)]
            return [None if w is None else self.value(field, value[i], w) for i, w in enumerate(wants)]
        if field.has_presence and not message.HasField(field.name):
            in_oneof = field.containing_oneof is not None
            return self.scalar(field, value) if field.has_default_value and not in_oneof else MISSING
        return self.value(field, value, want)


class Want:
    def __init__(self, whole=False):
        self.children, self.others, self.whole, self.is_time, self.outer = {}, None, whole, False, False

    def has_children(self):
        return bool(self.children) or self.others is not None

    def is_all(self):
        return self.whole or self.outer

    def all_children(self):
        return self.others is not None or self.is_all()

    def child(self, name):
        child = self.children.get(name, self.others)
        if child is None:
            if not self.is_all():
                return None
            child = Want()
        copy = Want(child.whole)
        copy.children, copy.others, copy.is_time = child.children, child.others, child.is_time
        copy.outer = self.is_all()
        return copy

    def merge(self, other):
        self.whole, self.is_time = self.whole or other.whole, self.is_time or other.is_time
        for name, child in other.children.items():
            self.children.setdefault(name, Want()).merge(child)
        if other.others is not None:
            self.others = self.others or Want()
            self.others.merge(other.others)

    def merge_others(self):
        for child in self.children.values():
            if self.others is not None:
                child.merge(self.others)
        for child in list(self.children.values()) + ([self.others] if self.others else []):
            child.merge_others()


def want_of(places):
    root = Want()
    for place in places:
        if place == 'whole':
            root.whole = True
            continue
        want, path = root, place.removeprefix('t:')[1:]
        for name in path.split('/'):
            if name == '*':
                want.others = want.others or Want()
                want = want.others
            else:
                want = want.children.setdefault(name, Want())
        want.whole, want.is_time = True, want.is_time or place.startswith('t:')
    root.merge_others()
    return root


def random_place(rng, descriptor):
    names = []
    for _ in range(6):
        if not descriptor.fields:
            break
        field = rng.choice(descriptor.fields)
        names.append(rng.choice([field.name] * 5 + [field.json_name, '*', 'nothing', '1']))
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.is_repeated and rng.random() < 0.9:
            names.append(rng.choice(['*', '0', '1', '2', '7', 'true', '300', 'a', '-1']))
        if is_map:
            field = field.message_type.fields[1]
        if field.message_type is None or rng.random() < 0.2:
            return names, field
        if field.message_type.name == 'Timestamp' and rng.random() < 0.8:
            return names, field
        descriptor = field.message_type
    return names, None


def random_places(rng, descriptor):
    places, times = [], 0
    for _ in range(rng.randint(1, 5)):
        names, field = random_place(rng, descriptor)
        if not names:
            continue
        is_time = times < 2 and (field is not None and field.message_type is not None or rng.random() < 0.1)
        times += is_time
        places.append(('t:' if is_time else '') + '/' + '/'.join(names))
    return places or ['whole']
