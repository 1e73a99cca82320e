"""A small stand-in for an API server: it says who it is, checks the token, and answers reviews."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GOOD = "token-that-opens"


class ApiServer:
    """One at 127.0.0.1, which takes any token that begins with GOOD.

    ``denied`` are verbs and resources that nobody may use.
    """

    def __init__(self, folder):
        self.denied = set()
        self.ca = _certificate(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]

    @contextmanager
    def running(self):
        """Answer inside the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def kubeconfig(self, *, token=GOOD, ca=None, port=None):
        """A kubeconfig for it."""
        return yaml.safe_dump({
            "clusters": [{"name": "edge", "cluster": {
                "server": f"https://127.0.0.1:{port or self.port}",
                "certificate-authority-data": base64.b64encode(ca or self.ca).decode()}}],
            "users": [{"name": "site", "user": {"token": token}}],
            "contexts": [{"name": "site@edge", "context": {"cluster": "edge", "user": "site"}}],
        }).encode()

    def answer(self, path, token, body):
        """Status and document."""
        if not (token or "").startswith(f"Bearer {GOOD}"):
            return 401, {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}
        if path == "/version":
            return 200, {"gitVersion": "v1.30.9"}
        if path.endswith("/selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            allowed = (asked["verb"], asked["resource"]) not in self.denied
            return 201, {**body, "status": {"allowed": allowed}}
        if path.startswith("/api/v1/"):
            return 200, {"items": [], "metadata": {}}
        return 404, {"kind": "Status", "reason": "NotFound", "message": "not found"}


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = server.answer(
                self.path.partition("?")[0], self.headers.get("Authorization"),
                json.loads(body) if body else None)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    return Handler


def _certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority; the key goes to the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge-ca")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(pem + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return pem
