from dataclasses import dataclass

WINDOW_SECONDS=900
@dataclass
class SignedRequest:
    method: str
    path: str
    query: str
    headers: dict
    body: bytes
    authorization: str
    date: str = ""
def parse_authorization(t): raise ValueError("x")
def check_date(d, n): pass
def verify(*a): return False
def nonce(r): return "x"
