"""A schema registry for tests. The first part of the path chooses how the registry behaves.

test/formats/check_registry runs the registry in a thread of its own process.
"""
import http.server
import json
import socket
import threading
import time
import urllib.parse

AVRO = '{"type": "record", "name": "R", "fields": []}'
SIZE = 6 << 20


def reference(name, subject, version=1):
    return {"name": name, "subject": subject, "version": version}


# Each behavior in this table has two parts: the references of the main schema, and a dictionary of the other schemas. A key
# of this dictionary is a subject and a version, and a value is the text and the references of the schema.
REFERENCES = {
    "refs": ([reference("b.proto", "b/ä?"), reference("c.proto", "c", 2)],
             {"b/ä?/1": ("text b", [reference("c.proto", "c", 2)]), "c/2": ("text c", [])}),
    "cycle": ([reference("b.proto", "b")],
              {"b/1": ("text b", [reference("c.proto", "c")]), "c/1": ("text c", [reference("b.proto", "b")])}),
    "missing": ([reference("b.proto", "b")], {}),
    "names": ([reference("b.proto", "b"), reference("b.proto", "c")], {}),
    "dots": ([reference("b.proto", "..")], {"../1": ("text b", [])}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # the server sends an answer as one packet, because a second packet would wait for an acknowledgment

    def log_message(self, *_):
        pass

    def send_json(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_raw(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        behavior, path = self.path[1:].split("/", 1)
        self.server.seen.append((behavior, path, dict(self.headers)))
        try:
            getattr(self, "do_" + behavior, self.do_references)(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_good(self, _):
        self.send_json({"schema": AVRO})

    def do_json(self, _):
        self.send_json({"schema": "{}", "schemaType": "JSON", "references": None})

    def do_unknown(self, _):
        self.send_json({"error_code": 40403, "message": "Schema not found " + str(self.headers)}, 404)

    def do_othercode(self, _):
        self.send_json({"error_code": 40401, "message": "x"}, 404)

    def do_wrongpath(self, _):
        self.send_json({"error_code": 404, "message": "HTTP 404 Not Found"}, 404)

    def do_html(self, _):
        self.send_raw(b"<html>not here 40403</html>", 404)

    def do_500(self, _):
        self.send_json({"error_code": 50001, "message": str(self.headers)}, 500)

    def do_401(self, _):
        self.send_raw(str(self.headers).encode(), 401, WWW_Authenticate='Basic realm="x"')

    def do_rubbish(self, _):
        self.send_raw(b'{"schema": "half')

    def do_empty(self, _):
        self.send_raw(b"")

    def do_type(self, _):
        self.send_json({"schema": "x", "schemaType": "XML"})

    def do_nul(self, _):
        self.send_json({"schema": "a\0b"})

    def do_giant(self, _):
        self.send_raw(b'{"schema": "' + b"x" * SIZE + b'"}')

    def do_headers(self, _):
        self.send_response(200)
        for i in range(10000):
            self.send_header("X-%d" % i, "y" * 100)
        self.end_headers()

    def do_redirect(self, _):
        self.send_raw(b"", 302, Location="http://%s:%d/good/schemas/ids/7" % self.server.server_address)

    def do_drip(self, _):
        self.send_response(200)
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)
        self.close_connection = True

    def do_cut(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"schema": ')
        self.wfile.flush()
        self.close_connection = True

    def do_endless(self, path):
        number = int(path.rsplit("/", 1)[1]) if "/versions/" in path else 0
        self.send_json({"schema": "text %d" % number,
                        "references": [reference("r%d" % number, "s", number + 1)]})

    def do_wide(self, path):
        self.send_json({"schema": "x", "references": [reference("r%d" % i, "s", i + 1) for i in range(100)]})

    def do_references(self, path):
        behavior = self.path[1:].split("/", 1)[0]
        references, subjects = REFERENCES[behavior]
        if path.startswith("schemas/ids/"):
            self.send_json({"schema": "main", "schemaType": "PROTOBUF", "references": references})
            return
        _, subject, _, version = path.split("/")
        answer = subjects.get(urllib.parse.unquote(subject) + "/" + version)
        if answer is None:
            self.send_json({"error_code": 40401, "message": "Subject not found"}, 404)
        else:
            self.send_json({"schema": answer[0], "schemaType": "PROTOBUF", "references": answer[1]})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def start(context=None):
    """Returns a server on a free port of 127.0.0.1. `seen` of the server has the behavior, path and headers of each request."""
    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def start_silent():
    """Returns a socket that accepts connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener
