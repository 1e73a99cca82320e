"""The wire between two sites in one process as the edge opened it: every request through frames."""

from __future__ import annotations

import httpx

from apps.edgelink import frames, through
from apps.edgelink.frames import AnswerHead, Frame, Kind, RequestHead
from apps.hosts.models import AppLcm
from apps.tenants import tokens

CENTER_URL = "http://center.test"


class Framed(httpx.BaseTransport):
    """Leads what is asked through the center onto a ``wire`` to the edge, in frames both ways."""

    def __init__(self, wire):
        self.wire = wire

    def handle_request(self, request):
        """Carry one request of the center and its answer."""
        found = through.parted(request.url.raw_path.decode("ascii"))
        assert found is not None, f"{request.url} does not lead through the center"
        edge_id, target = found
        assert tokens.opens_through(request.headers[through.TOKEN_HEADER], edge_id)
        head, body = carried(
            Kind.OPEN,
            frames.pack_request(RequestHead(request.method, target, raw(request.headers))),
            request.read(),
        )
        asked = frames.unpack_request(head)
        answer = self.wire.handle_request(
            httpx.Request(asked.method, f"http://edge.test{asked.target}",
                          headers=list(asked.headers), content=body)
        )
        head, body = carried(
            Kind.HEAD,
            frames.pack_answer(AnswerHead(answer.status_code, raw(answer.headers))),
            answer.read(),
        )
        told = frames.unpack_answer(head)
        return httpx.Response(told.status, headers=list(told.headers), content=body)


def raw(headers):
    """Headers as they stand in a frame."""
    return tuple(headers.raw)


def carried(kind, head, body):
    """Head and body as they come out at the other end."""
    sent = [Frame(kind, 1, head), *(Frame(Kind.DATA, 1, part) for part in frames.pieces(body))]
    messages = [frames.encode(frame) for frame in [*sent, Frame(Kind.END, 1)]]
    first, *middle, last = map(frames.decode, messages)
    assert (first.kind, last.kind) == (kind, Kind.END)
    return first.payload, b"".join(frame.payload for frame in middle)


def edges_dial_in(monkeypatch):
    """Every edge that is registered from now on has dialled in."""
    for name, value in (("opened_by", AppLcm.Opener.EDGE), ("channel_url", CENTER_URL)):
        field = AppLcm._meta.get_field(name)
        monkeypatch.setitem(field.__dict__, "_get_default", lambda value=value: value)
