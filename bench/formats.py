"""Measures the CPU time that Python's libraries take to decode messages: formats.py FORMAT SCHEMA_FILE COUNT.

Prints the seconds for a million messages. bench/formats.pl calls this program.
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path

READING = {"customer": "CUST-0001", "bpm": 74.5, "at": 1764428400123456, "unit": "bpm"}


def avro_decoder(schema_file):
    import fastavro

    schema = fastavro.parse_schema(json.loads(Path(schema_file).read_text(encoding="utf-8")))
    encoded = io.BytesIO()
    fastavro.schemaless_writer(encoded, schema, READING)
    message = encoded.getvalue()
    return lambda: fastavro.schemaless_reader(io.BytesIO(message), schema)


def protobuf_decoder(schema_file):
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "reading.proto").write_text(Path(schema_file).read_text(encoding="utf-8"), encoding="utf-8")
        output = Path(folder, "descriptors")
        protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={output}", f"{folder}/reading.proto"])
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(files.file[0])
    package = files.file[0].package
    name = f"{package}.{files.file[0].message_type[0].name}".lstrip(".")
    reading = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    message = json_format.ParseDict(READING, reading(), ignore_unknown_fields=True).SerializeToString()

    def decode():
        one = reading.FromString(message)
        return one.customer, one.bpm, one.at

    return decode


def main():
    decode = {"avro": avro_decoder, "protobuf": protobuf_decoder}[sys.argv[1]](sys.argv[2])
    count = int(sys.argv[3])
    begun = time.process_time()
    for _ in range(count):
        decode()
    print((time.process_time() - begun) * 1e6 / count)


main()
