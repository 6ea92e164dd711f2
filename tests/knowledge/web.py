"""A little web on loopback, in a thread of its own: pages, feeds and files as a test lays them out."""

import gzip
import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """`pages` maps a path to its body, or to (status, headers, body). `asked` is what was asked for, in order."""

    port: int = 0
    pages: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    tags: bool = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def page(self, path, *links, text="", title=""):
        body = "".join(f'<a href="{link}">{link}</a> ' for link in links)
        self.pages[path] = f"<html><head><title>{title}</title></head><body><p>{text}</p>{body}</body></html>"

    def feed(self, path, items):
        rows = "".join(
            f"<item><guid>{id}</guid><title>{title}</title><description>{text}</description></item>"
            for id, (title, text) in items.items()
        )
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{rows}</channel></rss>'
        self.pages[path] = (200, {"Content-Type": "application/rss+xml; charset=utf-8"}, feed)


@contextmanager
def web():
    seen = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            seen.asked.append((self.path, dict(self.headers)))
            found = seen.pages.get(self.path, (404, {}, "nothing here"))
            status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
            data = body if isinstance(body, bytes) else body.encode()
            tag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
            if status == 200 and seen.tags and self.headers.get("If-None-Match") == tag:
                status, data = 304, b""
            self.send_response(status)
            given = {"Content-Type": "text/html; charset=utf-8", **headers}
            if given.get("Content-Encoding") == "gzip":
                data = gzip.compress(data)
            if seen.tags:
                given["ETag"] = tag
            for name, value in {**given, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
