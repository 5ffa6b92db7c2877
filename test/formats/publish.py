"""Publishes messages with the serializers of confluent-kafka.

    publish.py BROKERS REGISTRY_URL [NAME=VALUE ...]    further settings of the client of the registry

Heartbeat::Publisher runs this program. Each line of the input is one request in JSON. For each request the program writes one
line: an object with the number of published messages and the ids of their schemas, or with the text of an error. A request:

    {"topic": "ward", "value": SERDE, "key": SERDE, "messages": [{"key": ..., "value": ..., "partition": 0}, ...]}

A SERDE is {"format": "avro", "schema": "...", "references": [{"name": ..., "subject": ..., "version": ...}], "bare": true}. The
formats are avro, protobuf, json and text. For protobuf, "message" is the full name of the message's type, and "imports" has the
texts of imported files by their path. With "bare" a message has no frame, and its schema is not registered. With
"bare" and "id" a message of Avro has a frame with this id.

JSON has no values for some types of Avro. These objects replace such values: {"$bytes": "base64"}, {"$decimal": "1.50"}, and
{"$union": ["name of a record", value]}.
"""
import base64
import decimal
import io
import json
import os
import subprocess
import sys
import tempfile

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def avro_value(value):
    if isinstance(value, list):
        return [avro_value(element) for element in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$decimal" in value:
        return decimal.Decimal(value["$decimal"])
    if "$union" in value:
        name, member = value["$union"]
        return (name, avro_value(member))
    return {name: avro_value(member) for name, member in value.items()}


def references_of(serde):
    return [SchemaReference(one["name"], one["subject"], one["version"]) for one in serde.get("references", [])]


class Avro:
    def __init__(self, serde, registry):
        self.bare = fastavro.parse_schema(json.loads(serde["schema"])) if serde.get("bare") else None
        self.id = serde.get("id")
        if self.bare is None:
            schema = Schema(serde["schema"], "AVRO", references_of(serde))
            self.serializer = AvroSerializer(registry, schema)

    def bytes(self, value, context):
        if self.bare is None:
            return self.serializer(avro_value(value), context)
        out = io.BytesIO()
        if self.id is not None:
            out.write(b"\0" + self.id.to_bytes(4, "big"))
        fastavro.schemaless_writer(out, self.bare, avro_value(value))
        return out.getvalue()


class Protobuf:
    def __init__(self, serde, registry):
        self.type = self.compile(serde)
        self.bare = serde.get("bare")
        if not self.bare:
            self.serializer = ProtobufSerializer(self.type, registry, {"use.deprecated.format": False})

    @staticmethod
    def compile(serde):
        with tempfile.TemporaryDirectory() as folder:
            texts = {"message_of_test.proto": serde["schema"], **serde.get("imports", {})}
            for name, text in texts.items():
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            subprocess.run(["protoc", "-I", folder, "--include_imports", "--descriptor_set_out", folder + "/out", *texts], check=True)
            files = descriptor_pb2.FileDescriptorSet()
            with open(folder + "/out", "rb") as file:
                files.ParseFromString(file.read())
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.Add(file)
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(serde["message"]))

    def bytes(self, value, context):
        message = json_format.ParseDict(value, self.type())
        return message.SerializeToString() if self.bare else self.serializer(message, context)


class Json:
    def __init__(self, serde, registry):
        self.serializer = JSONSerializer(Schema(serde["schema"], "JSON", references_of(serde)), registry)

    def bytes(self, value, context):
        return self.serializer(value, context)


class Text:
    def __init__(self, _serde, _registry):
        pass

    def bytes(self, value, _context):
        return value.encode("utf-8")


FORMATS = {"avro": Avro, "protobuf": Protobuf, "json": Json, "text": Text}


class Publisher:
    def __init__(self, brokers, url, settings):
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        self.registry = SchemaRegistryClient({"url": url, **settings})
        self.serdes = {}
        self.errors = []

    def serde(self, serde):
        name = json.dumps(serde, sort_keys=True)
        if name not in self.serdes:
            self.serdes[name] = FORMATS[serde["format"]](serde, self.registry)
        return self.serdes[name]

    def part(self, serde, value, topic, field):
        if value is None:
            return None
        return self.serde(serde).bytes(value, SerializationContext(topic, field))

    def delivered(self, error, _message):
        if error is not None:
            self.errors.append(str(error))

    def publish(self, request):
        topic, ids, self.errors = request["topic"], set(), []
        value_serde, key_serde = request["value"], request.get("key", {"format": "text"})
        for message in request["messages"]:
            value = self.part(value_serde, message.get("value"), topic, MessageField.VALUE)
            key = self.part(key_serde, message.get("key"), topic, MessageField.KEY)
            if value is not None and value_serde["format"] != "text" and not value_serde.get("bare"):
                ids.add(int.from_bytes(value[1:5], "big"))
            self.producer.produce(topic, value, key, message.get("partition", 0), on_delivery=self.delivered)
            self.producer.poll(0)
        self.producer.flush()
        if self.errors:
            raise RuntimeError(self.errors[0])
        return {"published": len(request["messages"]), "ids": sorted(ids)}


def main():
    settings = dict(argument.split("=", 1) for argument in sys.argv[3:])
    publisher = Publisher(sys.argv[1], sys.argv[2], settings)
    for line in sys.stdin:
        try:
            answer = publisher.publish(json.loads(line))
        except Exception as error:  # the test shows the error of a wrong request
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
