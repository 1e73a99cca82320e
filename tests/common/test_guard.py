"""The guard: which addresses that others give us may be called, judged by their text."""

from __future__ import annotations

import pytest

from apps.common.guard import Guard

CLOSED = Guard()
LOOPBACK = Guard.from_text("127.0.0.0/8, ::1")

PUBLIC = [
    "http://example.com/callback",
    "HTTPS://Example.COM:8443/a/b?c=d&e[]=%20",
    "http://not-there-yet.invalid/",
    "http://xn--bcher-kva.example/",
    "http://my_app.apps.svc:9000",
    "http://8.8.8.8/",
    "http://8.8.8.8:65535/",
    "http://134744072/",
    "http://0x8.8.8.8/",
    "http://[2001:4860:4860::8888]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://localhost.example.com/",
    "http://1.2.3.4.example/",
]
INSIDE = [
    "http://127.0.0.1/",
    "http://127.255.0.9:8080/x",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0X7F.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0x/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST.:80/",
    "http://a.b.localhost/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:A9FE:A9FE]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::808:808]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:808:808::1]/",
    "http://[2001:0:7f00:1::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
]
MALFORMED = [
    ("", "uri_characters"),
    ("http://example.com/a b", "uri_characters"),
    ("http://example.com/\r\nX-Injected: 1", "uri_characters"),
    ("http://example.com/\n", "uri_characters"),
    ("http://example.com\\@127.0.0.1/", "uri_characters"),
    ("http://exa\u00admple.com/", "uri_characters"),
    ("http://①②⑦.⓪.⓪.①/", "uri_characters"),
    ("http://127。0。0。1/", "uri_characters"),
    ("http://bücher.example/", "uri_characters"),
    ("http://example.com/\0", "uri_characters"),
    ("http://example.com/" + "a" * 2048, "uri_length"),
    ("http://example.com/#part", "uri_fragment"),
    ("http://example.com#@127.0.0.1/", "uri_fragment"),
    ("ftp://example.com/", "uri_scheme"),
    ("file:///etc/passwd", "uri_scheme"),
    ("gopher://127.0.0.1:6379/_x", "uri_scheme"),
    ("//example.com/", "uri_scheme"),
    ("example.com/", "uri_scheme"),
    ("http:/example.com/", "uri_scheme"),
    ("http:example.com", "uri_scheme"),
    ("http://user@example.com/", "uri_user_info"),
    ("http://user:pass@example.com/", "uri_user_info"),
    ("http://example.com@127.0.0.1/", "uri_user_info"),
    ("http:///path", "uri_host"),
    ("http://:80/", "uri_host"),
    ("http://./", "uri_host"),
    ("http://a..b/", "uri_host"),
    ("http://127.0.0.1../", "uri_host"),
    ("http://%31%32%37.0.0.1/", "uri_host"),
    ("http://127%2e0.0.1/", "uri_host"),
    ("http://[fe80::1%25eth0]/", "uri_host"),
    ("http://[::1/", "uri_host"),
    ("http://::1/", "uri_host"),
    ("http://[v1.a]/", "uri_host"),
    ("http://[127.0.0.1]/", "uri_host"),
    ("http://[::1]x/", "uri_host"),
    ("http://1.2.3.4.5/", "uri_host"),
    ("http://256.1.1.1/", "uri_host"),
    ("http://08.1.1.1/", "uri_host"),
    ("http://0177.0.0.1/", "uri_host"),  # httpx, which would make the call, reads no octal parts
    ("http://4294967296/", "uri_host"),
    ("http://example.0x7f/", "uri_host"),
    ("http://" + "a" * 64 + ".example/", "uri_host"),
    ("http://xn--a.example/", "uri_host"),
    ("http://example.com:0/", "uri_port"),
    ("http://example.com:/", "uri_port"),
    ("http://example.com:65536/", "uri_port"),
    ("http://example.com:99999999999999999999/", "uri_port"),
    ("http://example.com:80:80/", "uri_host"),
    ("http://example.com:a/", "uri_host"),
    ("http://example.com:-1/", "uri_host"),
]


@pytest.mark.parametrize("uri", PUBLIC)
def test_public_addresses_and_names_are_accepted_without_resolving_them(uri):
    assert CLOSED.check(uri) is None


@pytest.mark.parametrize("uri", INSIDE)
def test_every_form_of_an_inside_address_is_refused(uri):
    reason = CLOSED.check(uri)
    assert reason.code == "forbidden_address"
    assert "not a public address" in str(reason)


@pytest.mark.parametrize(("uri", "code"), MALFORMED)
def test_what_is_no_plain_http_address_is_refused_with_its_reason(uri, code):
    assert CLOSED.check(uri).code == code
    assert Guard.from_text("0.0.0.0/0, ::/0").check(uri).code == code


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://127.0.0.1:8000/", True),
        ("http://127.1/", True),
        ("http://[::1]/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://[64:ff9b::127.0.0.1]/", True),
        ("http://localhost/", True),
        ("http://10.0.0.1/", False),
        ("http://[::2]/", False),
        ("http://[2002:7f00:1::]/", False),
    ],
)
def test_allowed_networks_open_that_much_and_no_more(uri, allowed):
    assert (LOOPBACK.check(uri) is None) == allowed


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200"],
)
def test_metadata_services_have_to_be_named_exactly(host):
    uri = f"http://{host}/"
    assert Guard.from_text("0.0.0.0/0, ::/0").check(uri).code == "forbidden_address"
    exact = Guard.from_text("169.254.169.254/32, fd00:ec2::254, 100.100.100.200")
    assert exact.check(uri) is None


def test_address_that_carries_a_forbidden_one_inside_is_refused_even_when_its_shell_is_allowed():
    shells = Guard.from_text("2002::/16, 2001::/32")
    assert shells.check("http://[2002:808:808::1]/") is None
    assert shells.check("http://[2002:a9fe:a9fe::1]/").code == "forbidden_address"
    assert shells.check("http://[2002:a00:1::1]/").code == "forbidden_address"


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.1/8", "127.0.0.0/33", "127.0.0.1 ::1"])
def test_nonsense_in_the_setting_is_an_error(text):
    with pytest.raises(ValueError, match=r"address|network|bits"):
        Guard.from_text(text)


def test_empty_setting_allows_nothing_more():
    assert Guard.from_text(" , ") == CLOSED


def test_localhost_may_be_called_when_only_one_of_its_addresses_may():
    assert Guard.from_text("::1").check("http://localhost/") is None
