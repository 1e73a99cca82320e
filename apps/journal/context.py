"""The request in whose course something is recorded, as the middleware set it."""

from apps.common.middleware import request_id

__all__ = ["request_id"]
