"""Every wrong input is told in one sentence that names it; keys are never in a sentence."""

from __future__ import annotations

import textwrap

import pytest

from apps.agent import Settings, SettingsError, http_service
from apps.agent.settings import from_environment, listen_address
from tests.agent.conftest import ROOT
from tests.agent.fake_mep import AK, APP, SK

SERVICE = """
serviceInfoPosts:
  - serName: positioning
    version: 1.10
    madeUpKey: ignored
    serCategory: {href: /example/catalogue1, id: id12345, name: RNI, version: 1.2.2}
    state: ACTIVE
    transportId: Rest1
    transportInfo:
      id: 78efhy86
      name: REST
      description: REST API
      type: REST_HTTP
      protocol: HTTP
      version: "2.0"
      endpoint:
        addresses:
          - {host: 192.0.2.1, port: 8080}
      security:
        oAuth2Info:
          grantTypes: [OAUTH2_CLIENT_CREDENTIALS]
          tokenEndpoint: /mecSerMgmtApi/security/TokenEndPoint
      implSpecificInfo: {}
    serializer: JSON
    scopeOfLocality: MEC_SYSTEM
    consumedLocalOnly: false
    isLocal: true
    livenessInterval: 5
"""
SUBSCRIPTION = """
serAvailabilityNotificationSubscriptions:
  - subscriptionType: SerAvailabilityNotificationSubscription
    callbackReference: http://127.0.0.1:9000/news
    links: {self: {href: /old}}
    filteringCriteria: {serNames: [positioning], states: [ACTIVE, SUSPENDED], isLocal: true}
"""


@pytest.fixture
def environ():
    return {
        "AK": AK,
        "SK": SK,
        "APPINSTID": APP,
        "MEP_IP": "mep.example",
        "MEP_APIGW_PORT": "8000",
        "EG_PROTOCOL": "http",
    }


@pytest.fixture
def read(environ, tmp_path):
    """Read the settings with this text as the file."""

    def read(text=SERVICE + SUBSCRIPTION):
        path = tmp_path / "app_instance_info.yaml"
        path.write_text(textwrap.dedent(text))
        return from_environment(environ, config=str(path))

    return read


def test_a_file_as_edgegallery_has_it(read):
    settings = read()
    (service,) = settings.services
    assert settings.base_url == "http://mep.example:8000"
    assert service["version"] == "1.10"  # as written, not the number 1.1
    assert service["serCategory"]["version"] == "1.2.2"
    assert service["transportInfo"]["endpoint"] == {
        "addresses": [{"host": "192.0.2.1", "port": 8080}]
    }
    assert service["transportInfo"]["security"]["oAuth2Info"]["grantTypes"]
    assert (service["consumedLocalOnly"], service["livenessInterval"]) == (False, 5)
    assert not {"madeUpKey", "transportId"} & set(service)
    assert settings.subscriptions == (
        {
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9000/news",
            "filteringCriteria": {
                "serNames": ["positioning"],
                "states": ["ACTIVE", "SUSPENDED"],
                "isLocal": True,
            },
        },
    )


def test_the_example_is_a_good_one(environ):
    settings = from_environment(environ, config=str(ROOT / "examples" / "app_instance_info.yaml"))
    assert [one["serName"] for one in settings.services] == ["positioning", "traffic-lights"]
    assert len(settings.subscriptions) == 1


def test_uris_are_taken_and_what_may_be_left_out_is_filled_in(read):
    short = """
    serviceInfoPosts:
      - serName: a
        version: 2
        transportInfo:
          {id: t, name: REST, type: REST_HTTP, protocol: HTTP, version: 1.1,
           endpoint: {uris: [http://127.0.0.1:9/]}}
    """
    (service,) = read(short).services
    assert (service["version"], service["state"], service["serializer"]) == ("2", "ACTIVE", "JSON")
    assert service["transportInfo"]["endpoint"] == {"uris": ["http://127.0.0.1:9/"]}
    assert service["transportInfo"]["security"] == {}


def test_an_empty_file_is_an_application_without_services(read):
    settings = read("")
    assert (settings.services, settings.subscriptions) == ((), ())


def test_keys_are_erased_from_the_environment_and_no_repr_tells_them(read, environ):
    settings = read()
    assert not {"AK", "SK"} & set(environ)
    assert SK not in repr(settings)


def test_keys_come_from_files(read, environ, tmp_path):
    del environ["AK"], environ["SK"]
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "accesskey").write_text(f"{AK}\n")
    (tmp_path / "sk").write_text(f"{SK}\n")
    environ |= {"AK_FILE": str(folder), "SK_FILE": str(tmp_path / "sk")}
    settings = read()
    assert (settings.ak, settings.sk) == (AK, SK)


def test_an_application_that_names_its_services_needs_no_file(environ):
    settings = from_environment(environ, services=[http_service("a", "http://127.0.0.1:9/")])
    assert [one["serName"] for one in settings.services] == ["a"]


def test_https_is_the_default(environ, read):
    del environ["EG_PROTOCOL"], environ["MEP_APIGW_PORT"]
    environ["MEP_IP"] = "2001:db8::1"
    assert read().base_url == "https://[2001:db8::1]:8443"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"AK": None}, "AK is missing from the environment"),
        ({"AK": "short"}, "AK must have 20 characters, letters, digits and _ + / = only"),
        ({"SK": SK + "x"}, "SK must have 64 characters, letters, digits and _ + / = only"),
        ({"SK_FILE": "/x"}, "SK and SK_FILE are both given; give one of them"),
        (
            {"AK": "", "AK_FILE": "/no/x"},
            "AK_FILE: /no/x cannot be read: No such file or directory",
        ),
        ({"APPINSTID": None}, "APPINSTID is missing from the environment"),
        ({"APPINSTID": "7"}, "APPINSTID must be a UUID; it is '7'"),
        ({"MEP_IP": " "}, "MEP_IP is missing from the environment"),
        ({"MEP_IP": "a/b"}, "MEP_IP must be a host name or an IP address; it is 'a/b'"),
        ({"MEP_IP": "u@evil"}, "MEP_IP must be a host name or an IP address; it is 'u@evil'"),
        (
            {"MEP_APIGW_PORT": "70000"},
            "MEP_APIGW_PORT must be a whole number from 1 to 65535; it is '70000'",
        ),
        ({"EG_PROTOCOL": "ftp"}, "EG_PROTOCOL must be http or https; it is 'ftp'"),
    ],
)
def test_wrong_environments(environ, read, change, sentence):
    for name, value in change.items():
        environ.pop(name, None)
        environ |= {} if value is None else {name: value}
    with pytest.raises(SettingsError) as caught:
        read()
    assert str(caught.value) == sentence
    assert SK not in sentence


def test_a_secret_directory_without_the_key(environ, read, tmp_path):
    del environ["SK"]
    environ["SK_FILE"] = str(tmp_path)
    with pytest.raises(SettingsError, match="has none of SK, sk, secretkey"):
        read()


WHERE = r"serviceInfoPosts\[0\]"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("serName: positioning", "serName: -x", rf"{WHERE}.serName must be 1 to 128 letters.*'-x'"),
        ("serName: positioning", "a: b", rf"{WHERE}.serName is missing"),
        ("version: 1.10", "version: ''", rf"{WHERE}.version must be text of 1 to 32"),
        ("state: ACTIVE", "state: SUSPENDED", rf"{WHERE}.state must be one of ACTIVE, INACTIVE"),
        ("type: REST_HTTP", "type: SMTP", rf"{WHERE}.transportInfo.type must be one of REST_HTTP"),
        (
            "port: 8080",
            "port: 0",
            rf"{WHERE}.transportInfo.endpoint.addresses\[0\].port must be a whole number from 1",
        ),
        (
            "      endpoint:\n",
            "      endpoint:\n        uris: [http://a/]\n",
            rf"{WHERE}.transportInfo.endpoint must be a mapping with exactly one of uris",
        ),
        ("consumedLocalOnly: false", "consumedLocalOnly: 3", "consumedLocalOnly must be true or"),
        ("livenessInterval: 5", "livenessInterval: -1", "livenessInterval must be a whole number"),
        ("livenessInterval: 5", "livenessInterval: true", "livenessInterval must be a whole"),
        ("http://127.0.0.1:9000/news", "ftp://x", "callbackReference must be an address that begi"),
        ("serNames: [positioning]", "serNames: 5", "serNames must be a list of 0 to 50 items"),
        ("serializer: JSON", "serializer: [", "is no YAML: "),
    ],
)
def test_wrong_files(read, old, new, sentence):
    text = SERVICE + SUBSCRIPTION
    assert old in text
    with pytest.raises(SettingsError, match=sentence) as caught:
        read(text.replace(old, new, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a list", "must be a mapping"),
        ("serviceInfoPosts: 5", "serviceInfoPosts must be a list of 0 to 50 items; it is 5"),
        ("serviceInfoPosts: [5]", rf"{WHERE} must be a mapping; it is 5"),
        (
            "serviceInfoPosts: [{serName: a, version: '1'}]",
            "must have a transportInfo or a transpo",
        ),
        (
            "x: &x {serName: a, version: '1', transportId: t}\nserviceInfoPosts: [*x, *x]",
            "serviceInfoPosts has a 1 twice; each must be there once",
        ),
        ("a: &a [x, x]\nb: &b [*a, *a]\nserviceInfoPosts: [*b]", "must be a mapping"),
        ("\x00", "is no YAML"),
    ],
)
def test_files_that_are_something_else(read, text, sentence):
    with pytest.raises(SettingsError, match=sentence):
        read(text)


def test_fifty_services_are_taken_and_more_are_not(read):
    def file(number):
        posts = [f"  - {{serName: s{i}, version: '1', transportId: t}}\n" for i in range(number)]
        return "serviceInfoPosts:\n" + "".join(posts)

    assert len(read(file(50)).services) == 50


def test_more_than_fifty_services_are_refused(read):
    posts = [{"serName": f"s{i}", "version": "1", "transportId": "t"} for i in range(51)]
    with pytest.raises(SettingsError, match="must be a list of 0 to 50 items; it has 51"):
        read(f"serviceInfoPosts: {posts}")


def test_a_missing_file_is_named(environ):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be read: No such file"):
        from_environment(environ, config="nowhere.yaml")


def test_a_ca_that_is_none_is_told(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate")
    settings = Settings("https://mep:8443", APP, AK, SK, ca_cert=str(path))
    with pytest.raises(SettingsError, match="CA_CERT must be the path of a readable certificate"):
        settings.tls()


@pytest.mark.parametrize("address", ["mep:8100", "ftp://mep", "http://mep/path", "http://"])
def test_an_address_of_a_mep_that_is_none(address):
    with pytest.raises(SettingsError, match="the MEP's address must be like https://host:port"):
        Settings(address, APP, AK, SK)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_listen_addresses(text, address):
    assert listen_address(text) == address


@pytest.mark.parametrize("text", ["8080", ":8080", "a:b", "a:70000", "a b:1", "127.0.0.1:"])
def test_wrong_listen_addresses(text):
    with pytest.raises(SettingsError, match=r"AGENT_LISTEN \(--listen\) must be HOST:PORT"):
        listen_address(text)
