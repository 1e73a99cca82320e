"""One project of a cloud as openstacksdk reaches it, and its refusals in the house's words."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Any, Final

import requests
from django.utils.translation import gettext_noop as N_
from keystoneauth1 import exceptions as keystone
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from openstack import exceptions as sdk
from openstack.config import cloud_region
from openstack.connection import Connection

from apps.vim.access import REACHED
from apps.vim.errors import VimRefused, VimUnreachable
from apps.vim.openstack.login import APPLICATION_CREDENTIAL, CloudLogin, read_login

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
PAGE_ROWS: Final = 500
MOST_CLOUDS: Final = 64
MANAGER: Final = "mecm-portal"
SERVICE_MISSING: Final = "service_missing"
_NOT_OFFERED: Final = (
    keystone.EndpointNotFound, keystone.EmptyCatalog, sdk.ServiceDisabledException,
)


class Refused(VimRefused):
    """The cloud said no; ``answered`` is its HTTP status, 0 where it has no such service."""

    def __init__(self, text: str, /, *, answered: int, **params: Any) -> None:
        super().__init__(text, **params)
        self.answered = answered


class Cloud:
    """A signed-in project.  Thread safe; ``calls`` counts what was asked, for measuring."""

    def __init__(self, login: CloudLogin) -> None:
        self.login = login
        self._ca = _file_of(login.ca)
        adapter = _Adapter()
        self._auth = _plugin(login)
        http = requests.Session()
        http.trust_env = False
        for scheme in ("https://", "http://"):
            http.mount(scheme, adapter)
        verify: bool | str = self._ca.name if self._ca else not login.insecure
        self._session = Session(
            auth=self._auth, session=http, verify=verify, timeout=READ_SECONDS,
            app_name=MANAGER,
        )
        overrides: dict[str, Any] = {
            f"{kind}_endpoint_override": url for kind, url in login.overrides.items()
        }
        region = cloud_region.from_session(
            session=self._session,
            name=login.region or "cloud",
            region_name=login.region or None,
            app_name=MANAGER,
            interface=login.interface,
            **overrides,
        )
        self.api: Any = Connection(config=region)
        self._adapter = adapter

    @property
    def calls(self) -> int:
        """How many requests were sent so far, sign-in and discovery among them."""
        return self._adapter.sent

    def sign_in(self) -> None:
        """Get a token, unless there is one that is good for a while yet."""
        with told():
            self._session.get_token()

    @property
    def roles(self) -> set[str]:
        """The roles that the credentials have in the project."""
        with told():
            return set(self._auth.get_access(self._session).role_names)

    @property
    def project_id(self) -> str:
        """The project that the credentials are for."""
        with told():
            return str(self._auth.get_access(self._session).project_id)

    def ask(self, service: str, method: str, path: str, **options: Any) -> Any:
        """One call to a service by its type, and its JSON; None where it answers without any.

        Raises VimUnreachable, and Refused with the status that was answered.
        """
        with told():
            answer = getattr(self.api, service).request(path, method, **options)
            if answer.status_code == 500:
                # Heat says so when a token that it had accepted is refused by Keystone.
                self._auth.invalidate()
            sdk.raise_from_response(answer)
            return answer.json() if answer.content else None

    def find(self, service: str, path: str, **options: Any) -> Any:
        """The same for what may not be there: None then."""
        try:
            return self.ask(service, "GET", path, **options)
        except Refused as refusal:
            if refusal.answered == 404:
                return None
            raise

    def delete(self, service: str, path: str) -> bool:
        """Take something away; False where it was gone already."""
        try:
            self.ask(service, "DELETE", path)
        except Refused as refusal:
            if refusal.answered == 404:
                return False
            raise
        return True

    def stream(self, service: str, path: str, *, start: int) -> Any:
        """The answer to a GET from byte ``start`` on, its body still to be read and closed.

        Its status is 200 where the service cannot begin in the middle (RFC 9110 clause 14.2).
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        with told():
            answer = getattr(self.api, service).request(path, "GET", headers=headers, stream=True)
            sdk.raise_from_response(answer)
            return answer

    def pages(
        self, service: str, kind: str, *, microversion: str | None = None, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """All rows of a kind as the service tells them, however many pages that are."""
        marker: dict[str, Any] = {"limit": PAGE_ROWS}
        path = f"/{kind}/detail" if service == "compute" else f"/{kind}"
        while True:
            asked = {"params": {**query, **marker}, "microversion": microversion}
            rows = self.ask(service, "GET", path, **asked)[kind]
            yield from rows
            if len(rows) < PAGE_ROWS:
                return
            marker["marker"] = rows[-1]["id"]

    def listed(self, service: str, kind: str, **query: Any) -> Iterator[Any]:
        """All objects of a kind, page after page, as openstacksdk has them."""
        with told():
            yield from getattr(getattr(self.api, service), kind)(**query)

    def regions(self) -> list[str]:
        """The regions that the catalog names."""
        with told():
            catalog = self._auth.get_access(self._session).service_catalog.catalog
        return sorted({
            str(place.get("region_id") or place.get("region"))
            for service in catalog for place in service.get("endpoints") or ()
        })

    def has(self, service: str) -> bool:
        """Whether this region of the catalog offers a service, by its type."""
        try:
            with told():
                return bool(getattr(self.api, service).get_endpoint())
        except Refused as refusal:
            if refusal.code == SERVICE_MISSING:
                return False
            raise


class _Adapter(requests.adapters.HTTPAdapter):
    """Calls only addresses that a cloud can have, whoever named them."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=16)
        self.sent = 0

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        if REACHED.check(request.url.partition("#")[0]) is not None:
            raise requests.exceptions.InvalidURL(f"not the address of a cloud: {request.url}")
        self.sent += 1
        if isinstance(options.get("timeout"), (int, float)):
            options["timeout"] = (CONNECT_SECONDS, options["timeout"])
        return super().send(request, *args, **options)


def _plugin(login: CloudLogin) -> Any:
    auth: dict[str, Any] = dict(login.auth)
    is_application = login.auth_type == APPLICATION_CREDENTIAL
    if is_application:
        wanted = ("auth_url", "username", "user_id", "user_domain_name", "user_domain_id")
        auth = {name: value for name, value in auth.items()
                if name in wanted or name.startswith("application_credential")}
    # An address without its version is an access file's usual one.
    auth["auth_url"] = f"{auth['auth_url'].rstrip('/').removesuffix('/v3')}/v3"
    return v3.ApplicationCredential(**auth) if is_application else v3.Password(**auth)


def _file_of(ca: str) -> Any:
    """The CA as a file while the cloud is in use, since TLS libraries read it from one."""
    if not ca:
        return None
    file = NamedTemporaryFile("w", suffix=".pem")  # noqa: SIM115 - kept with its cloud
    file.write(ca)
    file.flush()
    return file


@contextmanager
def told() -> Iterator[None]:
    """Any failure of a call as VimUnreachable or Refused, with the cloud's own words."""
    try:
        yield
    except (VimRefused, VimUnreachable):
        raise
    except (keystone.ClientException, sdk.SDKException, requests.RequestException) as error:
        raise told_as(error) from error


def told_as(error: Exception) -> VimRefused | VimUnreachable:
    """A failure in the house's words, told apart by what can be done about it."""
    if isinstance(error, keystone.SSLError):
        return VimUnreachable(
            N_("The certificate of the cloud is not signed by the CA of the access file."),
            code="vim_certificate",
        )
    if isinstance(error, (keystone.ConnectTimeout, keystone.RequestTimeout)):
        return VimUnreachable(N_("The cloud did not answer in time."))
    # What was answered with a status is a RequestException too.
    silent = (keystone.ConnectionError, requests.RequestException)
    if isinstance(error, silent) and not isinstance(error, sdk.HttpException):
        return VimUnreachable(N_("The cloud cannot be reached: %(said)s"), said=_words(error))
    if isinstance(error, _NOT_OFFERED):
        return Refused(
            N_("The cloud does not offer this service in the region of the access file: %(said)s"),
            answered=0, code=SERVICE_MISSING, said=_words(error),
        )
    status = _status_of(error)
    if status == 401:
        return Refused(
            N_("The cloud does not accept the credentials."), answered=status,
            code="vim_unauthorized",
        )
    if "quota" in _words(error).lower():
        return Refused(
            N_("The quota of the project is used up: %(said)s"), answered=status,
            code="over_quota", said=_words(error),
        )
    if status == 413:
        return Refused(
            N_("The cloud does not take anything so large: %(said)s"), answered=status,
            code="too_large", said=_words(error),
        )
    if status == 403:
        return Refused(
            N_("The credentials may not do this: %(said)s"), answered=status,
            code="vim_forbidden", said=_words(error),
        )
    if status == 429 or status >= 500:
        return VimUnreachable(N_("The cloud is in trouble: %(said)s"), said=_words(error))
    return Refused(N_("The cloud refuses: %(said)s"), answered=status, said=_words(error))


def _status_of(error: Exception) -> int:
    for name in ("status_code", "http_status"):
        value = getattr(error, name, None)
        if isinstance(value, int):
            return value
    return 0


def _words(error: Exception) -> str:
    """What the cloud said, without the noise around it."""
    details = getattr(error, "details", None) or getattr(error, "message", None)
    return " ".join(str(details or error).split())[:500]


_clouds: OrderedDict[bytes, Cloud] = OrderedDict()
_lock = threading.Lock()


def cloud_for(content: bytes) -> Cloud:
    """The cloud of an access file; the same file shares one sign-in.  CredentialsInvalid."""
    with _lock:
        known = _clouds.pop(content, None) or Cloud(read_login(content))
        _clouds[content] = known
        while len(_clouds) > MOST_CLOUDS:
            _clouds.popitem(last=False)
        return known
