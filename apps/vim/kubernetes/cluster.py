"""One cluster as the driver talks to it: plain JSON over the official client's connection.

The client's models are left aside: they refuse what other releases of Kubernetes send, and cost
more than all else that is done with an answer.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import urllib3
import yaml
from django.utils.translation import gettext_noop as N_
from kubernetes import client, config

from apps.common import clock
from apps.vim.errors import VimRefused, VimUnreachable

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
PAGE: Final = 500
MOST_CLUSTERS: Final = 32
SCOPE_SECONDS: Final = 300.0
JSON: Final = "application/json"
# Only metadata: a release's secret holds the whole chart.
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
MANAGER: Final = "mecm-portal"
Object = dict[str, Any]


class Refused(VimRefused):
    """The API server said no; ``answered`` and ``word`` are its own (404, NotFound)."""

    def __init__(self, text: str, /, *, answered: int, word: str, **params: Any) -> None:
        self.answered, self.word = answered, word
        super().__init__(text, **params)


class Cluster:
    """A connection pool to one API server with one set of credentials.  Thread safe."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        settings = client.Configuration()
        config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
            yaml.safe_load(kubeconfig), client_configuration=settings
        )
        settings.connection_pool_maxsize = 32
        # Whoever orders asks again; a second try in here would only hide that nobody answers.
        settings.retries = False
        self._api = client.ApiClient(settings)
        self._scopes: dict[str, tuple[float, dict[str, bool]]] = {}

    def get(self, path: str, **query: Any) -> Object:
        """One object or document."""
        return self._call("GET", path, query)

    def find(self, path: str, **query: Any) -> Object | None:
        """The same; None where there is none."""
        try:
            return self._call("GET", path, query)
        except Refused as refusal:
            if refusal.answered == 404:
                return None
            raise

    def list(self, path: str, *, accept: str = JSON, **query: Any) -> tuple[list[Object], str]:
        """All objects of a collection, page by page, and the version of the collection."""
        found: list[Object] = []
        query = {"limit": PAGE} | query
        while True:
            page = self._call("GET", path, query, accept=accept)
            found.extend(page.get("items") or ())
            about = page.get("metadata") or {}
            if not about.get("continue"):
                return found, str(about.get("resourceVersion") or "")
            query["continue"] = about["continue"]

    def create(self, path: str, body: Object, **query: Any) -> Object:
        """A new object."""
        return self._call("POST", path, query, body=body)

    def apply(self, path: str, body: Object) -> Object:
        """An object as it should be, made or changed (server-side apply)."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return self._call("PATCH", path, query, body=body, kind=APPLY)

    def merge(self, path: str, body: Object) -> Object:
        """Some members of an object changed."""
        return self._call("PATCH", path, {}, body=body, kind=MERGE)

    def delete(self, path: str) -> bool:
        """Remove an object, and what it owns in the background; False where there was none."""
        try:
            self._call("DELETE", path, {"propagationPolicy": "Background"})
        except Refused as refusal:
            if refusal.answered in (404, 409):  # gone, or on its way
                return False
            raise
        return True

    def text(self, path: str, **query: Any) -> bytes:
        """A document that is no JSON, such as a log."""
        return self._send("GET", path, query, accept="*/*").data or b""

    def stream(self, path: str, *, seconds: float, accept: str = JSON, **query: Any) -> Stream:
        """Lines as they come, until the server ends or nothing was heard for ``seconds``."""
        return Stream(self._open("GET", path, query, accept=accept, read=seconds))

    def namespaced(self, api_version: str, kind: str) -> bool | None:
        """Whether a kind stands in namespaces; None where the cluster does not know it."""
        now = clock.now().timestamp()
        at, known = self._scopes.get(api_version, (0.0, {}))
        if now - at > SCOPE_SECONDS or kind not in known:
            known = self._scopes_of(api_version)
            self._scopes[api_version] = (now, known)
        return known.get(kind)

    def _scopes_of(self, api_version: str) -> dict[str, bool]:
        root = "api" if "/" not in api_version else "apis"
        found = self.find(f"/{root}/{api_version}") or {}
        rows = found.get("resources") or ()
        return {row["kind"]: bool(row["namespaced"]) for row in rows if "/" not in row["name"]}

    def _call(
        self, method: str, path: str, query: Mapping[str, Any], *, body: Object | None = None,
        kind: str = JSON, accept: str = JSON,
    ) -> Object:
        answer = self._send(method, path, query, body=body, kind=kind, accept=accept)
        try:
            found = json.loads(answer.data)
        except ValueError:
            raise VimUnreachable(N_("What answers there is not a Kubernetes API.")) from None
        if not isinstance(found, dict):
            raise VimUnreachable(N_("What answers there is not a Kubernetes API."))
        return found

    def _send(self, *args: Any, **options: Any) -> Any:
        answer = self._open(*args, **options)
        try:
            answer.read()
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(error) from error
        return answer

    def _open(
        self, method: str, path: str, query: Mapping[str, Any], *, body: Object | None = None,
        kind: str = JSON, accept: str = JSON, read: float = READ_SECONDS,
    ) -> Any:
        asked = {key: value for key, value in query.items() if value not in (None, "")}
        url = f"{self._api.configuration.host}{quote(path, safe='/:')}"
        url += f"?{urlencode(asked)}" if asked else ""
        headers = {"Accept": accept, "User-Agent": MANAGER} | (
            {"Content-Type": kind} if body is not None else {}
        )
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        try:
            answer = self._api.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=(CONNECT_SECONDS, read)
            )
        except client.ApiException as error:
            raise unreachable(error) from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise unreachable(error) from error
        if answer.status >= 300:
            raise _refusal(answer.status, answer.read() or b"")
        return answer


class Stream:
    """Lines of an answer that goes on.  ``close`` may come from another thread."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer.response

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self._answer.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            raise unreachable(error) from error
        finally:
            self.close()
        if rest:
            yield rest

    def close(self) -> None:
        """Hang up."""
        self._answer.close()


def list_if_allowed(cluster: Cluster, path: str, **query: Any) -> list[Object] | None:
    """All objects of a collection; None where the credentials may not list it."""
    try:
        return cluster.list(path, **query)[0]
    except Refused as refusal:
        if refusal.answered == 403:
            return None
        raise


def unreachable(error: Exception) -> VimUnreachable:
    """That nobody answered, with the reason that a person can act on."""
    said = str(getattr(error, "reason", None) or error)
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said:
        return VimUnreachable(
            N_("The certificate of the API server is not signed by the CA of the kubeconfig."),
            code="vim_certificate",
        )
    if "timed out" in said.lower():
        return VimUnreachable(N_("The API server did not answer in time."))
    if "refused" in said.lower():
        return VimUnreachable(N_("The API server refuses connections."))
    return VimUnreachable(N_("The API server cannot be reached: %(said)s"), said=said[:300])


def _refusal(status: int, body: bytes) -> VimRefused | VimUnreachable:
    """The API server's own words, told apart by what can be done about them."""
    try:
        told = json.loads(body)
        word, said = str(told.get("reason") or ""), str(told.get("message") or "")
    except (ValueError, AttributeError):
        word, said = "", body[:200].decode("utf-8", "replace")
    if status == 401:
        return Refused(
            N_("The cluster does not accept the credentials."), answered=status, word=word,
            code="vim_unauthorized",
        )
    if status == 403:
        return Refused(
            N_("The credentials may not do this: %(said)s"), answered=status, word=word, said=said,
            code="vim_forbidden",
        )
    if status == 429 or status >= 500:
        return VimUnreachable(N_("The API server is in trouble: %(said)s"), said=said or status)
    return Refused(N_("The cluster refuses: %(said)s"), answered=status, word=word, said=said)


_clusters: OrderedDict[str, Cluster] = OrderedDict()
_lock = threading.Lock()


def cluster_for(kubeconfig: str) -> Cluster:
    """The cluster of a clean kubeconfig; the same text shares one pool of connections."""
    with _lock:
        found = _clusters.pop(kubeconfig, None) or Cluster(kubeconfig)
        _clusters[kubeconfig] = found
        while len(_clusters) > MOST_CLUSTERS:
            _clusters.popitem(last=False)
        return found
