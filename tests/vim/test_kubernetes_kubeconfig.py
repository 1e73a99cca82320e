"""A kubeconfig as it is uploaded: what is read of it, what is refused, and what is never shown."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.common import clock
from apps.vim.errors import CredentialsInvalid
from apps.vim.kubernetes.kubeconfig import read_kubeconfig

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
SECRET = "s3cret-token-of-the-site"


@pytest.fixture(autouse=True)
def time():
    with clock.frozen(NOW) as frozen:
        yield frozen


def certificate(name="admin", *, days=90, key=None):
    """A self-signed certificate and its key, both in PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def b64(data):
    return base64.b64encode(data).decode()


CA, _ = certificate("cluster-ca", days=3000)


def config(*, cluster=None, user=None, **more):
    """A kubeconfig with one context; None takes a member away."""
    place = {"server": "https://10.0.0.5:6443", "certificate-authority-data": b64(CA)}
    who = {"token": SECRET} if user is None else user
    place |= cluster or {}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "edge", "cluster": _without_none(place)}],
        "users": [{"name": "admin", "user": who}],
        "contexts": [{"name": "admin@edge", "context": {"cluster": "edge", "user": "admin"}}],
        "current-context": "admin@edge",
    } | more
    return yaml.safe_dump(_without_none(document)).encode()


def _without_none(members):
    return {name: value for name, value in members.items() if value is not None}


def test_a_token_is_read_and_never_shown():
    found = read_kubeconfig(config())
    assert (found.server, found.user_kind, found.expires) == (
        "https://10.0.0.5:6443",
        "token",
        None,
    )
    shown = found.describe()
    assert shown["context"] == "admin@edge"
    assert shown["ca"]["subject"] == "CN=cluster-ca"
    assert SECRET not in str(shown) + repr(found)


def test_a_token_that_is_a_jwt_says_when_it_ends():
    token = jwt.encode({"exp": NOW + timedelta(days=3)}, "k" * 32, algorithm="HS256")
    assert read_kubeconfig(config(user={"token": token})).expires == NOW + timedelta(days=3)


def test_a_client_certificate_is_read_with_its_key():
    pem, key = certificate()
    user = {"client-certificate-data": b64(pem), "client-key-data": b64(key)}
    found = read_kubeconfig(config(user=user))
    assert found.user_kind == "client_certificate"
    assert found.expires == NOW + timedelta(days=90)
    assert b64(key) not in str(found.describe()) + repr(found)


def test_what_goes_on_is_written_anew_and_reads_the_same():
    pem, key = certificate()
    user = {"client-certificate-data": b64(pem), "client-key-data": b64(key), "extra": "x"}
    found = read_kubeconfig(config(user=user, extensions=[{"name": "x", "extension": "y"}]))
    text = found.as_yaml()
    assert "extra" not in text and "extension" not in text
    again = read_kubeconfig(text.encode())
    assert (again.client_key, again.server, again.ca) == (found.client_key, found.server, found.ca)


@pytest.mark.parametrize("server", [
    "https://127.0.0.1:6443", "https://[fd00::1]:6443", "https://100.64.0.9", "https://k8s.site/x",
])
def test_a_cluster_may_be_near(server):
    assert read_kubeconfig(config(cluster={"server": server})).server == server


def test_who_the_cluster_takes_us_for_is_shown():
    pem, key = certificate("operator")
    user = {"client-certificate-data": b64(pem), "client-key-data": b64(key)}
    assert read_kubeconfig(config(user=user)).describe()["known_as"] == "CN=operator"
    token = jwt.encode({"sub": "system:serviceaccount:mec:site"}, "k" * 32, algorithm="HS256")
    shown = read_kubeconfig(config(user={"token": token})).describe()
    assert shown["known_as"] == "system:serviceaccount:mec:site"
    assert token not in str(shown)


def test_the_only_context_needs_not_be_current():
    assert read_kubeconfig(config(**{"current-context": None})).context == "admin@edge"


def _expired():
    pem, key = certificate(days=-1)
    return {"client-certificate-data": b64(pem), "client-key-data": b64(key)}


def _foreign_key():
    pem, other = certificate()[0], certificate()[1]
    return {"client-certificate-data": b64(pem), "client-key-data": b64(other)}


OLD_TOKEN = jwt.encode({"exp": NOW - timedelta(days=3)}, "k" * 32, algorithm="HS256")
USER, CLUSTER = "users.admin", "clusters.edge"
BROKEN = {
    "empty": (b"", "file"),
    "not text": (b"\xff\xfe", "file"),
    "not yaml": (b"a: [1", "file"),
    "a bomb": (b"a: &a [1]\nb: *a\n", "file"),
    "a deep one": (b"[" * 5000, "file"),
    "two documents": (config() + b"---\n" + config(), "file"),
    "another kind": (b"kind: Pod\n", "file"),
    "too large": (b"#" * (1024 * 1024 + 1), "file"),
    "no context": (config(contexts=[]), "contexts"),
    "an unknown context": (config(**{"current-context": "other"}), "current-context"),
    "an unknown cluster": (config(clusters=[]), "clusters"),
    "an unknown user": (config(users=[]), "users"),
    "no server": (config(cluster={"server": None}), f"{CLUSTER}.server"),
    "plain http": (config(cluster={"server": "http://10.0.0.5"}), f"{CLUSTER}.server"),
    "a metadata address": (
        config(cluster={"server": "https://169.254.169.254"}),
        f"{CLUSTER}.server",
    ),
    "a metadata address as a number": (
        config(cluster={"server": "https://2852039166"}),
        f"{CLUSTER}.server",
    ),
    "a metadata address inside another": (
        config(cluster={"server": "https://[::ffff:169.254.169.254]"}),
        f"{CLUSTER}.server",
    ),
    "a metadata address among private ones": (
        config(cluster={"server": "https://100.100.100.200"}),
        f"{CLUSTER}.server",
    ),
    "unsure about the certificate": (
        config(cluster={"insecure-skip-tls-verify": "no"}),
        f"{CLUSTER}.insecure-skip-tls-verify",
    ),
    "insecure with a ca": (
        config(cluster={"insecure-skip-tls-verify": True}),
        f"{CLUSTER}.insecure-skip-tls-verify",
    ),
    "a token of two lines": (config(user={"token": "a\nHost: b"}), f"{USER}.token"),
    "too many entries": (b"- a\n" * 100_000, "file"),
    "nested for ever": (b"- " * 5000, "file"),
    "a number that takes hours": (b"a: " + b"1:" * 200_000 + b"1", "file"),
    "a password in the address": (
        config(cluster={"server": "https://a:b@10.0.0.5"}),
        f"{CLUSTER}.server",
    ),
    "a ca that is no base64": (
        config(cluster={"certificate-authority-data": "?"}),
        f"{CLUSTER}.certificate-authority-data",
    ),
    "a ca that is no certificate": (
        config(cluster={"certificate-authority-data": b64(b"hello")}),
        f"{CLUSTER}.certificate-authority-data",
    ),
    "a ca in a file": (
        config(cluster={"certificate-authority": "/etc/passwd"}),
        f"{CLUSTER}.certificate-authority",
    ),
    "a proxy": (config(cluster={"proxy-url": "http://p"}), f"{CLUSTER}.proxy-url"),
    "a program": (config(user={"exec": {"command": "sh"}}), f"{USER}.exec"),
    "an auth provider": (
        config(user={"auth-provider": {"name": "gcp"}}),
        f"{USER}.auth-provider",
    ),
    "a token in a file": (config(user={"tokenFile": "/etc/token"}), f"{USER}.tokenFile"),
    "a key in a file": (config(user={"client-key": "/k"}), f"{USER}.client-key"),
    "impersonation": (config(user={"token": "t", "as": "root"}), f"{USER}.as"),
    "no credentials": (config(user={}), USER),
    "a certificate without key": (
        config(user={"client-certificate-data": b64(certificate()[0])}),
        f"{USER}.client-key-data",
    ),
    "a key of another": (config(user=_foreign_key()), f"{USER}.client-key-data"),
    "an expired certificate": (config(user=_expired()), f"{USER}.client-certificate-data"),
    "an expired token": (config(user={"token": OLD_TOKEN}), f"{USER}.token"),
}


@pytest.mark.parametrize("content, at", BROKEN.values(), ids=BROKEN)
def test_a_broken_one_is_refused_at_the_member_that_is_wrong(content, at):
    with pytest.raises(CredentialsInvalid) as refused:
        read_kubeconfig(content)
    assert list(refused.value.fields) == [at]
    assert at in str(refused.value)


def test_every_wrong_member_is_named():
    content = config(cluster={"server": "http://x", "proxy-url": "p"}, user={"tokenFile": "t"})
    with pytest.raises(CredentialsInvalid) as refused:
        read_kubeconfig(content)
    assert set(refused.value.fields) == {
        f"{CLUSTER}.server",
        f"{CLUSTER}.proxy-url",
        f"{USER}.tokenFile",
    }
