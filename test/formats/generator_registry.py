"""Checks how the generator registers schemas: its request, and its reaction to a wrong, late or missing answer.

The registry is a small server in this program. test/formats/Makefile runs this program:

    generator_registry.py PATH_OF_THE_GENERATOR
"""

import base64
import http.server
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

GENERATOR = sys.argv[1]
requests = []
answers = {}


class Registry(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        requests.append((self.path, json.loads(body), dict(self.headers)))
        status, answer = answers.get(self.path.split("/")[2], (200, b'{"id": 7}'))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        try:
            self.wfile.write(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *_):
        pass


def generate(topic, urls, *arguments, preset="radar", wait=30):
    command = [GENERATOR, "--preset", preset, "--topic", topic, "--schema-registry", urls, "--dry-run", "--count", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=wait, check=False)


def expect(done, status, *parts):
    assert done.returncode == status, (done.returncode, done.stderr)
    for part in parts:
        assert part in done.stderr, (part, done.stderr)
    assert "hidden" not in done.stderr, done.stderr


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

# The generator sends the credentials when it registers the schemas of the key and of the value. It begins the key and the value
# with the ids of their schemas.
done = generate("a b", url + "/", "-X", "schema.registry.basic.auth.user.info=me:hidden")
expect(done, 0)
assert [path for path, _, _ in requests] == ["/subjects/a%20b-value/versions", "/subjects/a%20b-key/versions"], requests
assert [json.loads(body["schema"])["name"] for _, body, _ in requests] == ["FitbitIntradayHeartRate", "ObservationKey"]
assert {body["schemaType"] for _, body, _ in requests} == {"AVRO"}
basic = "Basic " + base64.b64encode(b"me:hidden").decode()
assert all(headers["Authorization"] == basic for _, _, headers in requests), requests
assert all(part.startswith("0000000007") for part in done.stdout.split()), done.stdout
requests.clear()
expect(generate("t", url, "--format", "protobuf", "-X", "schema.registry.bearer.auth.token=hidden"), 0)
assert requests[0][1]["schemaType"] == "PROTOBUF" and requests[0][2]["Authorization"] == "Bearer hidden", requests
expect(generate("t", url, "--format", "json-schema"), 0)
assert requests[1][1]["schemaType"] == "JSON", requests

# Tests wrong answers.
answers.update({
    "bad-value": (500, b""),
    "redirect-value": (302, b""),
    "rubbish-value": (200, b"<html>"),
    "long-value": (200, b" " * 1_000_000),
    "echo-value": (422, b'{"error_code":42201,"message":"hidden \\u001b[31m"}'),
})
secret = ("-X", "schema.registry.basic.auth.user.info=me:hidden")
expect(generate("bad", url), 1, "HTTP status 500")
expect(generate("redirect", url), 1, "HTTP status 302")
expect(generate("rubbish", url), 1, "without the id")
expect(generate("long", url), 1, "longer than 64 KiB")
expect(generate("echo", url, *secret), 1, "HTTP status 422: *** ?[31m")
expect(generate("t", "http://127.0.0.1:1", *secret), 1, "http://127.0.0.1:1: ")
expect(generate("t", f"http://127.0.0.1:1,{url}"), 0)
expect(generate("t", "http://me:hidden@127.0.0.1"), 2, "without user name and password")
expect(generate("t", "ftp://127.0.0.1"), 2, "begins with http")
expect(generate("t", url, "-X", "schema.registry.password=hidden"), 2, "there is no such property")
expect(generate("t", url, "--format", "json"), 2, "--schema-registry needs --format")

# TLS with a client certificate. The server and the client have the same self-signed certificate.
folder = tempfile.mkdtemp(prefix="generator_registry")
key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(certificate)
context.verify_mode = ssl.CERT_REQUIRED
secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
secure.socket = context.wrap_socket(secure.socket, server_side=True)
secure.handle_error = lambda *_: None
threading.Thread(target=secure.serve_forever, daemon=True).start()
secure_url = f"https://127.0.0.1:{secure.server_port}"
trust = ("-X", f"schema.registry.ssl.ca.location={certificate}")
own = ("-X", f"schema.registry.ssl.certificate.location={certificate}", "-X", f"schema.registry.ssl.key.location={key}")
expect(generate("t", secure_url, *own), 1, "certificate")
expect(generate("t", secure_url, *trust), 1, secure_url)
expect(generate("t", secure_url, *trust, *own), 0)

# A registry that accepts a connection and does not answer.
silent = socket.create_server(("127.0.0.1", 0))
silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
began = time.monotonic()
expect(generate("t", silent_url), 1, "timed out")
assert 9 < time.monotonic() - began < 15
process = subprocess.Popen([GENERATOR, "--preset", "radar", "--schema-registry", silent_url], stderr=subprocess.PIPE, text=True)
silent.accept()[0].close()  # this connection comes from the first command
connection, _ = silent.accept()
assert connection.recv(1), "the generator sent no request"
began = time.monotonic()
process.send_signal(2)
expect(subprocess.CompletedProcess([], process.wait(10), stderr=process.stderr.read()), 1, "stopped")
assert time.monotonic() - began < 3
print("1 passed, 0 failed")
print("registry: its requests, 11 wrong answers and addresses, TLS, the deadline and Ctrl-C")
