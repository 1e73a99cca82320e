"""A subscriber of notifications: a real HTTP server that keeps what it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Subscriber:
    """Listens on loopback; ``told`` holds every delivery as (subscription, sequence, body)."""

    def __init__(self):
        self.told = []
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                subscriber.told.append((self.headers["X-Mec-Subscription"],
                                        int(self.headers["X-Mec-Sequence"]), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                """Say nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/told"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def once(self, subscription):
        """What a subscriber that drops repeated sequence numbers has seen, in order of arrival."""
        seen, found = set(), []
        for name, seq, body in list(self.told):
            if name == subscription and seq not in seen:
                seen.add(seq)
                found.append((seq, body))
        return found
