"""Random schemas of Protobuf, as descriptors. protobuf_oracle.py uses this module."""

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, timestamp_pb2, wrappers_pb2

FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = [FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT, FIELD.TYPE_INT64, FIELD.TYPE_UINT64, FIELD.TYPE_INT32,
           FIELD.TYPE_FIXED64, FIELD.TYPE_FIXED32, FIELD.TYPE_BOOL, FIELD.TYPE_STRING, FIELD.TYPE_BYTES,
           FIELD.TYPE_UINT32, FIELD.TYPE_SFIXED32, FIELD.TYPE_SFIXED64, FIELD.TYPE_SINT32, FIELD.TYPE_SINT64]
KEYS = [t for t in SCALARS if t not in (FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT, FIELD.TYPE_BYTES)]
WELL_KNOWN = ['Timestamp', 'Timestamp', 'Duration', 'DoubleValue', 'FloatValue', 'Int64Value', 'UInt64Value',
              'Int32Value', 'UInt32Value', 'BoolValue', 'StringValue', 'BytesValue']
LIMITS = {FIELD.TYPE_INT64: (-2**63, 2**63 - 1), FIELD.TYPE_SINT64: (-2**63, 2**63 - 1),
          FIELD.TYPE_SFIXED64: (-2**63, 2**63 - 1), FIELD.TYPE_INT32: (-2**31, 2**31 - 1),
          FIELD.TYPE_SINT32: (-2**31, 2**31 - 1), FIELD.TYPE_SFIXED32: (-2**31, 2**31 - 1),
          FIELD.TYPE_UINT64: (0, 2**64 - 1), FIELD.TYPE_FIXED64: (0, 2**64 - 1),
          FIELD.TYPE_UINT32: (0, 2**32 - 1), FIELD.TYPE_FIXED32: (0, 2**32 - 1)}


class Schema:
    """A random schema: the file with the messages, the files that it imports, and the classes of its messages."""

    def __init__(self, rng, number):
        self.rng = rng
        self.syntax = rng.choice(['proto2', 'proto3', 'editions'])
        self.package = f'p{number}.q'
        main = descriptor_pb2.FileDescriptorProto(name='main.proto', package=self.package)
        other = descriptor_pb2.FileDescriptorProto(name='other.proto', package=f'o{number}')
        other_is_open = self.syntax == 'proto3' or rng.random() < 0.5
        self.set_syntax(other, 'proto3' if other_is_open else 'proto2')
        self.set_syntax(main, self.syntax)
        main.dependency.extend(['other.proto', 'google/protobuf/timestamp.proto',
                                'google/protobuf/wrappers.proto', 'google/protobuf/duration.proto'])
        self.messages, self.enums = [], []
        self.add_enum(other.enum_type, other.package, other_is_open)
        shells = [(other.message_type.add(name='Other'), f'.{other.package}.Other')]
        for i in range(rng.randint(1, 3)):
            self.add_shell(main.message_type, f'M{i}', f'.{self.package}', 0, shells)
        self.add_enum(main.enum_type, self.package, self.syntax != 'proto2')
        self.messages = [name for _, name in shells]
        for shell, name in shells[1:]:
            self.fill(shell, name, self.syntax)
        self.enums = self.enums[:1]
        self.messages = self.messages[:1]
        self.fill(shells[0][0], shells[0][1], other.syntax)
        self.build(other, main)

    @staticmethod
    def set_syntax(file, syntax):
        if syntax != 'proto2':
            file.syntax = syntax
        if syntax == 'editions':
            file.edition = descriptor_pb2.EDITION_2023

    def build(self, other, main):
        pool = descriptor_pool.DescriptorPool()
        self.files = descriptor_pb2.FileDescriptorSet()
        for module in (timestamp_pb2, wrappers_pb2, duration_pb2):
            module.DESCRIPTOR.CopyToProto(self.files.file.add())
        self.files.file.extend([other, main])
        for file in self.files.file:
            pool.Add(file)
        self.main = pool.FindFileByName('main.proto')
        self.types = []  # (path of indexes, descriptor)
        for index, message in enumerate(main.message_type):
            self.collect([index], message, self.main.message_types_by_name[message.name])

    def collect(self, path, message, descriptor):
        self.types.append((path, descriptor))
        for index, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                self.collect(path + [index], nested, descriptor.nested_types_by_name[nested.name])

    def add_shell(self, siblings, name, scope, depth, shells):
        shell = siblings.add(name=name)
        shells.append((shell, f'{scope}.{name}'))
        for i in range(self.rng.choice([0, 0, 1, 2]) if depth < 2 else 0):
            self.add_shell(shell.nested_type, f'N{i}', f'{scope}.{name}', depth + 1, shells)
        if self.rng.random() < 0.2:
            self.add_enum(shell.enum_type, f'{scope}.{name}'[1:], self.syntax != 'proto2')

    def add_enum(self, siblings, scope, is_open):
        number = len(self.enums)
        zero_first = is_open or self.rng.random() < 0.5
        enum = siblings.add(name=f'E{number}')
        values = [0] if zero_first else []
        values += self.rng.sample([-5, 1, 2, 3, 7, 100, 2**31 - 1, -2**31] + ([] if zero_first else [0]), 3)
        for i, value in enumerate(values):
            enum.value.add(name=f'V{number}_{i}', number=value)
        if self.rng.random() < 0.2:
            enum.options.allow_alias = True
            enum.value.add(name=f'V{number}_alias', number=values[-1])
        self.enums.append((f'.{scope}.E{number}', [v.name for v in enum.value], zero_first, is_open))

    def usable_enums(self, syntax, is_map):
        return [e for e in self.enums if (e[3] or syntax != 'proto3') and (e[2] or not is_map)]

    def fill(self, shell, name, syntax):
        rng, oneofs = self.rng, []
        numbers = rng.sample(list(range(1, 20)) + [63, 64, 100, 2047, 5000, 18999, 20000, 2**29 - 1], rng.randint(0, 9))
        for i, number in enumerate(numbers):
            field = shell.field.add(name=rng.choice([f'f{i}', f'long_name_{i}', f'camelCase{i}']), number=number,
                                    label=FIELD.LABEL_OPTIONAL)
            if self.rng.random() < 0.12:
                self.add_map(shell, name, field, i, syntax)
                continue
            self.choose_type(field, syntax, shell, name, i)
            kind = rng.random()
            if kind < 0.35:
                field.label = FIELD.LABEL_REPEATED
                if field.type not in (FIELD.TYPE_STRING, FIELD.TYPE_BYTES, FIELD.TYPE_MESSAGE, FIELD.TYPE_GROUP) \
                        and syntax != 'editions' and rng.random() < 0.5:
                    field.options.packed = rng.random() < 0.5
            elif kind < 0.6 and field.type != FIELD.TYPE_GROUP:
                oneofs.append(field)
            elif syntax == 'proto2':
                self.add_default(field)
            elif syntax == 'editions' and field.type != FIELD.TYPE_MESSAGE and rng.random() < 0.4 and \
                    (field.type != FIELD.TYPE_ENUM):
                field.options.features.field_presence = descriptor_pb2.FeatureSet.IMPLICIT
            if field.type == FIELD.TYPE_MESSAGE and syntax == 'editions' and rng.random() < 0.3:
                field.options.features.message_encoding = descriptor_pb2.FeatureSet.DELIMITED
        if oneofs:
            shell.oneof_decl.add(name='choice')
            for field in oneofs[:3]:
                field.oneof_index = 0
            if syntax == 'proto3':
                for field in oneofs[3:]:
                    if field.type != FIELD.TYPE_MESSAGE:
                        shell.oneof_decl.add(name='_' + field.name)
                        field.oneof_index = len(shell.oneof_decl) - 1
                        field.proto3_optional = True

    def choose_type(self, field, syntax, shell, name, i, is_map=False):
        rng, enums = self.rng, self.usable_enums(syntax, is_map)
        kind = rng.random()
        if kind < 0.55 or (kind < 0.65 and not enums):
            field.type = rng.choice(SCALARS)
        elif kind < 0.65:
            field.type, field.type_name = FIELD.TYPE_ENUM, rng.choice(enums)[0]
        elif kind < 0.8:
            field.type = FIELD.TYPE_MESSAGE
            field.type_name = '.google.protobuf.' + rng.choice(WELL_KNOWN) if self.messages[1:] else self.messages[0]
        elif kind < 0.87 and syntax == 'proto2' and not is_map:
            group = shell.nested_type.add(name=f'Group{i}')
            group.field.add(name='in_group', number=1, label=FIELD.LABEL_OPTIONAL, type=rng.choice(SCALARS))
            group.field.add(name='self', number=2, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_MESSAGE,
                            type_name=name)
            field.type, field.type_name, field.name = FIELD.TYPE_GROUP, f'{name}.Group{i}', f'group{i}'
        else:
            field.type, field.type_name = FIELD.TYPE_MESSAGE, rng.choice(self.messages)

    def add_map(self, shell, name, field, i, syntax):
        field.name, field.label, field.type = f'map_{i}', FIELD.LABEL_REPEATED, FIELD.TYPE_MESSAGE
        entry = shell.nested_type.add(name=f'Map{i}Entry')
        entry.options.map_entry = True
        entry.field.add(name='key', number=1, label=FIELD.LABEL_OPTIONAL, type=self.rng.choice(KEYS))
        value = entry.field.add(name='value', number=2, label=FIELD.LABEL_OPTIONAL)
        self.choose_type(value, syntax, shell, name, i, True)
        field.type_name = f'{name}.Map{i}Entry'

    def add_default(self, field):
        if self.rng.random() < 0.5 or field.type in (FIELD.TYPE_MESSAGE, FIELD.TYPE_GROUP):
            return
        if field.type == FIELD.TYPE_ENUM:
            field.default_value = self.rng.choice([e for e in self.enums if e[0] == field.type_name][0][1])
        elif field.type == FIELD.TYPE_BOOL:
            field.default_value = 'true'
        elif field.type == FIELD.TYPE_STRING:
            field.default_value = self.rng.choice(['', 'x "y" \\ é', 'bpm'])
        elif field.type == FIELD.TYPE_BYTES:
            field.default_value = self.rng.choice(['', 'a\\001\\377\\\\b', '\\n\\"\\\'q'])
        elif field.type in LIMITS:
            field.default_value = str(self.rng.choice(LIMITS[field.type] + (7,)))
        else:
            field.default_value = self.rng.choice(['1.5', '-0.25', '3', '1e+10'])
