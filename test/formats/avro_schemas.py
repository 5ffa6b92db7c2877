# Random Avro schemas for avro_oracle.py, each with a model of its types.
MAX_DEPTH = 5
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
TIMES = {
    "date": ("int", "days"), "time-millis": ("int", "day_ms"), "time-micros": ("long", "day_us"),
    "timestamp-millis": ("long", "ms"), "timestamp-micros": ("long", "us"), "timestamp-nanos": ("long", "ns"),
    "local-timestamp-millis": ("long", "local_ms"), "local-timestamp-micros": ("long", "local_us"),
    "local-timestamp-nanos": ("long", "local_ns"),
}
# the logical types that Apache's library can write, each with the largest number that this library can write
APACHE_TIMES = {"date": 30000, "time-millis": 86399999, "time-micros": 86399999999, "timestamp-millis": 4 * 10**12,
                "timestamp-micros": 4 * 10**15}


class Model:
    """A type: `kind` is the name of Avro's type, "union" or a logical type."""

    def __init__(self, kind, **attributes):
        self.kind = kind
        self.name = None  # full name of a named type
        self.__dict__.update(attributes)


class SchemaMaker:
    """Makes schemas. `apache` excludes the schemas for which Apache's library guesses how to write a value."""

    def __init__(self, rng, apache):
        self.rng, self.apache = rng, apache
        self.count = 0
        self.named = []  # complete named types
        self.open = []  # records whose fields are being made

    def make(self, depth=0, space="", in_list=False, in_union=False):
        """Returns the JSON of a schema, and the model of the schema. In a list or a union a type may refer to an outer type."""
        choices = ["primitive"] * 6 + ["time"] * 2 + ["decimal", "uuid", "enum", "fixed", "unknown", "reference"]
        if depth < MAX_DEPTH:
            choices += ["record"] * 5 + ["array", "map"] * 2 + ([] if in_union else ["union"] * 3)
        if depth == 0:
            choices += ["record"] * 20
        return getattr(self, "make_" + self.rng.choice(choices))(depth, space, in_list or in_union)

    def make_primitive(self, _depth, _space, _may_recur):
        name = self.rng.choice(PRIMITIVES)
        return (name if self.rng.random() < 0.8 else {"type": name, "doc": "x"}), Model(name)

    def make_unknown(self, _depth, _space, _may_recur):
        """An unknown logical type, or a logical type that is not legal with its Avro type. Readers ignore this logical type."""
        name = self.rng.choice(["int", "string", "double"])
        logical = self.rng.choice(["x-unknown", "timestamp-millis" if name == "double" else "x", "x-y"])
        return {"type": name, "logicalType": logical}, Model(name)

    def make_time(self, _depth, _space, _may_recur):
        logical = self.rng.choice(list(APACHE_TIMES if self.apache else TIMES))
        base, scale = TIMES[logical]
        return {"type": base, "logicalType": logical}, Model("time", base=base, scale=scale, logical=logical)

    def make_decimal(self, _depth, space, _may_recur):
        size = self.rng.choice([1, 2, 4, 8, 12, 16, 30])
        digits = len(str(2 ** (8 * size - 1) - 1)) - 1
        precision = self.rng.randint(1, digits)
        scale = self.rng.randint(0, precision)
        attributes = {"logicalType": "decimal", "precision": precision}
        if scale or self.rng.random() < 0.5:
            attributes["scale"] = scale
        if self.rng.random() < 0.5:
            return {"type": "bytes", **attributes}, Model("decimal", size=None, precision=precision, scale=scale)
        schema, name, _space = self.define("fixed", space)
        schema.update(attributes, size=size)
        return schema, Model("decimal", size=size, precision=precision, scale=scale, name=name)

    def make_uuid(self, _depth, space, _may_recur):
        if self.apache or self.rng.random() < 0.5:
            return {"type": "string", "logicalType": "uuid"}, Model("uuid", size=None)
        schema, name, _space = self.define("fixed", space)
        schema.update(size=16, logicalType="uuid")
        return schema, Model("uuid", size=16, name=name)

    def define(self, kind, space):
        """Returns the JSON of a named type, its full name, and the namespace of the types in it."""
        self.count += 1
        name = f"T{self.count}"
        schema = {"type": kind, "name": name}
        way = self.rng.random()
        if way < 0.2:
            space = self.rng.choice(["a.b", "c"])
            schema["namespace"] = space
        elif way < 0.35:
            space = "d.e"
            schema["name"] = f"{space}.{name}"
        return schema, f"{space}.{name}" if space else name, space

    def make_enum(self, _depth, space, _may_recur):
        schema, name, _space = self.define("enum", space)
        schema["symbols"] = [f"S{i}" for i in range(self.rng.randint(1, 70 if self.rng.random() < 0.1 else 4))]
        return self.complete(schema, Model("enum", symbols=schema["symbols"], name=name))

    def make_fixed(self, _depth, space, _may_recur):
        schema, name, _space = self.define("fixed", space)
        schema["size"] = self.rng.choice([0, 1, 5, 16, 200] if not self.apache else [1, 5, 16])
        return self.complete(schema, Model("fixed", size=schema["size"], name=name))

    def complete(self, schema, model):
        self.named.append(model)
        return schema, model

    def make_reference(self, depth, space, may_recur):
        # a schema in a namespace cannot refer to a type without a namespace
        models = [m for m in self.named + (self.open if may_recur else []) if "." in m.name or not space]
        if not models:
            return self.make_primitive(depth, space, may_recur)
        model = self.rng.choice(models)
        own_space, _, short = model.name.rpartition(".")
        return (short if own_space == space and self.rng.random() < 0.5 else model.name), model

    def make_record(self, depth, space, _may_recur):
        schema, name, inner = self.define("record", space)
        model = Model("record", fields=[], name=name)
        self.open.append(model)
        schema["fields"] = []
        for i in range(self.rng.randint(0 if depth else 1, 6)):
            field_schema, field = self.make(depth + 1, inner)
            schema["fields"].append({"name": f"f{i}", "type": field_schema})
            model.fields.append((f"f{i}", field))
        self.open.remove(model)
        return self.complete(schema, model)

    def make_array(self, depth, space, _may_recur):
        items, model = self.make(depth + 1, space, in_list=True)
        return {"type": "array", "items": items}, Model("array", items=model)

    def make_map(self, depth, space, _may_recur):
        values, model = self.make(depth + 1, space, in_list=True)
        return {"type": "map", "values": values}, Model("map", items=model)

    def make_union(self, depth, space, _may_recur):
        schemas, models = ["null"], [Model("null")]
        for _ in range(1 if self.apache else self.rng.randint(1, 4)):
            named = list(self.named)
            schema, model = self.make(depth + 1, space, in_union=True)
            if branch_name(model) not in map(branch_name, models):
                schemas.append(schema)
                models.append(model)
            else:
                self.named = named  # forget the types of the rejected branch
        if self.rng.random() < 0.3:  # the other branches keep their order, because one branch may refer to another
            at = self.rng.randrange(len(models))
            schemas.insert(at, schemas.pop(0))
            models.insert(at, models.pop(0))
        return schemas, Model("union", branches=models)


def branch_name(model):
    """The name of a branch of a union. No two branches of a union have the same name."""
    if model.name:
        return model.name
    return {"time": lambda: model.base, "decimal": lambda: "bytes", "uuid": lambda: "string"}.get(model.kind, lambda: model.kind)()


def strip_logical(schema):
    if isinstance(schema, list):
        return [strip_logical(s) for s in schema]
    if isinstance(schema, dict):
        return {k: strip_logical(v) for k, v in schema.items() if k not in ("logicalType", "precision", "scale")}
    return schema
