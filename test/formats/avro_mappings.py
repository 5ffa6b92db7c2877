# Random mappings for avro_oracle.py. Some places of a mapping exist in the value, and other places do not.


def random_places(rng, model, value):
    """Places of a mapping: some places exist in the value, and other places do not."""
    path, places = "", []
    while True:
        if model.kind == "union":
            model, value = model.branches[value[0]], value[1]
        elif model.kind == "record" and model.fields:
            i = rng.randrange(len(model.fields))
            path += "/" + model.fields[i][0]
            model, value = model.fields[i][1], value[i]
        elif model.kind == "array" and value:
            i = rng.randrange(len(value))
            path += rng.choice([f"/{i}", f"/{i}", "/*"])
            model, value = model.items, value[i]
        elif model.kind == "map" and value:
            key = rng.choice(list(value))
            path += "/*" if rng.random() < 0.3 else "/" + key.replace("~", "~0").replace("/", "~1")
            model, value = model.items, value[key]
        else:
            break
        places.append(path)
        if rng.random() < 0.2:
            break
    if rng.random() < 0.1:
        places.append(path + rng.choice(["/x", "/3", "/f0"]))
    return places[-1:] or ["/f0"]


def random_mapping(rng, model, value):
    def place(star=False):
        found = random_places(rng, model, value)[0]
        return found if star else found.replace("/*", "/0")

    def text(at):
        return {"at": at}

    mapping = {"customer_id": [place(), place()] if rng.random() < 0.2 else text(place()), "heart_rate": place(),
               "event_timestamp": place()}
    if rng.random() < 0.3:
        mapping["device_id"] = place()
    if rng.random() < 0.5:
        mapping["when"] = {place(star=True): 1 for _ in range(rng.randint(1, 3))}
    if rng.random() < 0.4:
        path = place()
        mapping["each"] = path.rpartition("/")[0] if rng.random() < 0.7 else path
        mapping["heart_rate"] = "each" + rng.choice(["", "/f0", "/f1", "/1", "/0/f1"])
        if rng.random() < 0.5:
            mapping["event_timestamp"] = "each" + rng.choice(["", "/f2", "/0"])
    return mapping
