"""A service that scores pictures, real but for its faults, on this machine's loopback."""

import email
import io
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


class Service(ThreadingHTTPServer):
    """Scores JPEGs by their brightness; `faults` come first, one a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[str] = []
        self.requests: list[list[str]] = []
        self.targets: list[str] = []
        self.sizes: set[tuple[int, int]] = set()
        self.url = f"http://127.0.0.1:{self.server_port}/score"

    def handle_error(self, *_: object) -> None:
        """Stay silent: whoever hangs up early is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + body).get_payload()
        scores = []
        for part in parts:
            assert part.get_content_type() == "image/jpeg"
            assert part.get_param("name", header="Content-Disposition") == "images"
            with Image.open(io.BytesIO(part.get_payload(decode=True))) as picture:
                assert picture.format == "JPEG"
                self.server.sizes.add(picture.size)
                scores.append(picture.getpixel((0, 0))[0] / 255)
        self.server.requests.append([str(part.get_filename()) for part in parts])
        self.server.targets.append(self.path)
        fault = self.server.faults.pop(0) if self.server.faults else ""
        answer = json.dumps(scores).encode()
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "reset":
            linger = b"\1\0\0\0\0\0\0\0"  # closes with a reset, as a dying service does
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
            return
        if fault == "slow":
            time.sleep(1.0)
        if fault == "babble":
            self.wfile.write(b"hello?\r\n\r\n")
            self.close_connection = True
            return
        status = int(fault) if fault.isdigit() else 200
        if fault.startswith("say "):
            answer = fault[4:].encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(answer) + 10 * (fault == "half")))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
