"""The server of the page: 127.0.0.1 alone, a secret in the address, its own name as host, no tracebacks."""

from __future__ import annotations

import json
import secrets
import webbrowser
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from terrascope_vlm.demo import DemoError
from terrascope_vlm.demo.session import MAX_UPLOAD, Session, problem

if TYPE_CHECKING:
    from terrascope_vlm.plugin import TerraScope

ADDRESS = "127.0.0.1"
MAX_JSON = 2**18
IDLE_S = 60
"""A connection that sends or takes nothing for so long is closed."""

POLICY = (
    "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SCRIPTS = ("base.js", "choosing.js", "scene.js", "asking.js", "page.js")
PARTS = {
    "": ("text/html", [("terrascope_vlm.demo", "page.html")]),
    "style.css": ("text/css", [("terracot.browser", "style.css"), ("terrascope_vlm.demo", "demo.css")]),
    "page.js": (
        "text/javascript",
        [
            ("terracot.browser", "rle.js"),
            ("terracot.browser", "draw.js"),
            *(("terrascope_vlm.demo", n) for n in _SCRIPTS),
        ],
    ),
}
"""What the page is made of; masks are decoded and drawn as on the pages of ``terracot browse``."""


class Server(ThreadingHTTPServer):
    """Serves one session. ``url`` is the whole address, with its secret."""

    daemon_threads = True

    def __init__(self, session: Session, port: int = 0) -> None:
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise DemoError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error
        self.session = session
        self.token = secrets.token_urlsafe(24)
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        self.url = f"http://{ADDRESS}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a page that was closed is no news, and everything else was told to it."""


def serve(model: TerraScope, port: int, *, open_browser: bool, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C; ``DemoError`` when the port cannot be had."""
    with TemporaryDirectory(prefix="terrascope-") as folder, Server(Session(model, Path(folder)), port) as server:
        say(f"{server.url}  (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended")


class _Handler(BaseHTTPRequestHandler):
    """One request. Nothing is done before host, origin and secret were found right."""

    server: Server
    server_version, sys_version = "terrascope", ""
    error_content_type, error_message_format = "text/plain; charset=utf-8", "%(message)s\n"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """The page and what it is made of; the model and the examples."""
        name = self._admitted()
        if name is None:
            return
        if name in PARTS:
            kind, parts = PARTS[name]
            texts = [(files(package) / part).read_text("utf-8") for package, part in parts]
            strict = ['"use strict";'] if kind == "text/javascript" else []
            self._send("\n".join([*strict, *texts]).encode(), kind)
        else:
            self._reply({"about": self.server.session.about, "examples": self.server.session.examples}.get(name))

    def do_POST(self) -> None:
        """Files, scenes, questions."""
        name = self._admitted()
        if name is None:
            return
        session = self.server.session
        if name == "upload":
            self._upload()
            return
        size = self._size(MAX_JSON)
        if size is None:
            return
        try:
            asked = json.loads(self.rfile.read(size))
        except ValueError:
            asked = None
        if not isinstance(asked, Mapping):
            self._tell(HTTPStatus.BAD_REQUEST, "expected a JSON object")
        elif name == "open":
            self._reply(lambda: session.open(asked))
        elif name == "ask":
            self._stream(asked)
        else:
            self._tell(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _upload(self) -> None:
        size = self._size(MAX_UPLOAD)
        if size is not None:
            name = parse_qs(self.path.partition("?")[2]).get("name", ["the file"])[0][:200]
            self._reply(lambda: self.server.session.upload(name, self.rfile, size))

    def _admitted(self) -> str | None:
        """What is asked for below the secret; None after a refusal."""
        parts = self.path.partition("?")[0].split("/", 2)
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in self.server.hosts:
            self._tell(HTTPStatus.FORBIDDEN, "this server answers to its own address only")
        elif origin is not None and origin not in {f"http://{host}" for host in self.server.hosts}:
            self._tell(HTTPStatus.FORBIDDEN, "this server answers its own page only")
        elif len(parts) != 3 or not secrets.compare_digest(parts[1].encode(), self.server.token.encode()):
            self._tell(HTTPStatus.NOT_FOUND, "open the address that terrascope-vlm demo printed")
        else:
            return parts[2]
        return None

    def _size(self, most: int) -> int | None:
        """Bytes that follow; None after a refusal."""
        text = self.headers.get("Content-Length") or ""
        if not text.isdecimal():
            self._tell(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        elif len(text) > 15 or int(text) > most:
            self._tell(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {most / 2**20:g} MB are taken at once")
        else:
            return int(text)
        return None

    def _reply(self, made: Callable[[], Mapping[str, Any]] | None) -> None:
        if made is None:
            self._tell(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        try:
            found = made()
        except Exception as error:  # noqa: BLE001, told to the page, whatever it is
            self._tell(HTTPStatus.BAD_REQUEST, problem(error))
        else:
            self._send(_line(found), "application/json")

    def _stream(self, asked: Mapping[str, Any]) -> None:
        """A JSON object a line, while the model answers. A page that has gone ends the answer."""
        self._head(HTTPStatus.OK, "application/x-ndjson")

        def write(value: Mapping[str, Any]) -> None:
            self.wfile.write(_line(value))
            self.wfile.flush()

        try:
            self.server.session.ask(asked, write)
        except OSError:  # of the connection: nobody is there to be told
            self.close_connection = True
        except Exception as error:  # noqa: BLE001, as above
            write({"error": problem(error)})

    def _tell(self, status: HTTPStatus, message: str) -> None:
        """An error as text."""
        self._send(_line({"error": message}), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._head(status, kind, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing: addresses hold the secret."""


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
