import httpx


class Guard:
    @classmethod
    def from_text(cls, t): return cls()
    def check(self, uri): return None
def async_client(guard, **k): return httpx.AsyncClient(trust_env=False)
async def post(client, uri, body, headers, *, seconds):
    from apps.common.errors import Upstream
    try:
        r = await client.post(uri, content=body, headers=headers, timeout=seconds)
    except httpx.HTTPError:
        raise Upstream("x")
    return r.status_code
