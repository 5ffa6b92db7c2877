"""An HTTPS server in front of a schema registry. It passes a request on only if the request has legal credentials.

Usage: tls_front.py < settings. The settings are one line of JSON:

    url             the URL of the registry
    certificate     PEM file of the server's certificate and its key
    client_ca       PEM file of the CA that has signed the clients' certificates; null: clients need no certificate
    authorizations  the legal values of the header Authorization
    log             file that gets a line for each request: its status and its path

The program prints its port on 127.0.0.1, and runs until its input ends. Its answers to wrong credentials repeat the
credentials, as a badly written server does.
"""

import http.server
import json
import os
import socket
import ssl
import sys
import threading
import urllib.error
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        given = self.headers.get("Authorization", "")
        if given in self.server.settings["authorizations"]:
            status, text = self.ask_registry()
        else:
            status, text = 401, json.dumps({"error_code": 401, "message": "wrong: " + given}).encode()
        with open(self.server.settings["log"], "a", encoding="utf-8") as log:
            log.write(f"{status} {self.path}\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def ask_registry(self):
        try:
            with urllib.request.urlopen(self.server.settings["url"] + self.path, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def log_message(self, *_):
        pass


class Front(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, settings):
        super().__init__(("127.0.0.1", 0), Handler)
        self.settings = settings
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(settings["certificate"])
        if settings["client_ca"] is not None:
            self.tls.load_verify_locations(settings["client_ca"])
            self.tls.verify_mode = ssl.CERT_REQUIRED

    # The thread of the connection does the handshake, so a client that does not speak TLS delays no other client.
    def finish_request(self, request, client_address):
        try:
            secured = self.tls.wrap_socket(request.dup(), server_side=True)
        except OSError:  # the client has refused the certificate of the server, or has no legal certificate
            self.drain(request)
            return
        try:
            with secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass

    # The server can refuse a client with a TLS alert. If the server then closed the connection while data of the client is
    # unread, the client would not receive the alert. So this function reads until the client closes the connection.
    def drain(self, request):
        request.settimeout(10)
        try:
            request.shutdown(socket.SHUT_WR)
            while request.recv(4096):
                pass
        except OSError:
            pass


def main():
    front = Front(json.loads(sys.stdin.readline()))
    threading.Thread(target=front.serve_forever, daemon=True).start()
    print(front.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)


main()
