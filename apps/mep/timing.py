"""The platform's time, and whether the machine's clock is locked to UTC (clause 7.1.2.4 f.)."""

from __future__ import annotations

import ctypes
from typing import Any

from django.conf import settings

from apps.common import clock
from apps.mep.documents import timestamp

_TIME_ERROR = 5
# struct timex is 208 bytes on 64-bit Linux; more than any machine's is set aside.
_TIMEX_BYTES = 512


def current_time() -> dict[str, Any]:
    """CurrentTime."""
    status = "TRACEABLE" if is_locked() else "NONTRACEABLE"
    return timestamp(clock.now().timestamp()) | {"timeSourceStatus": status}


def capabilities() -> dict[str, Any]:
    """TimingCaps: the NTP servers that the site's settings name; no PTP master is known."""
    mep: dict[str, Any] = settings.MEP
    names = [name.strip() for name in str(mep["ntp_servers"]).split(",") if name.strip()]
    return {
        "timeStamp": timestamp(clock.now().timestamp()),
        "ntpServers": [_server(name, number) for number, name in enumerate(names, start=1)],
        "ptpMasters": [],
    }


def is_locked() -> bool:
    """Whether the kernel says that its clock is disciplined (adjtimex(2)); False if unsure."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return False
    return 0 <= int(state) < _TIME_ERROR


def _server(name: str, priority: int) -> dict[str, Any]:
    is_address = name.replace(".", "").isdigit() or ":" in name
    return {
        "ntpServerAddrType": "IP_ADDRESS" if is_address else "DNS_NAME",
        "ntpServerAddr": name,
        "minPollingInterval": 6,  # powers of two in seconds: what an NTP client uses by itself
        "maxPollingInterval": 10,
        "localPriority": priority,
        "authenticationOption": "NONE",
        "authenticationKeyNum": 0,
    }
