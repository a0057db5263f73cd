"""Bearer tokens for the API: signed with the key of a data directory, read without it."""

import base64
import json
import os
import re
import time
from collections.abc import Sequence
from typing import Any

from headrace.errors import Complaint

ALGORITHM = "HS256"
DEFAULT_TTL = "24h"
UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
EXPECTED = {"aud": "HEADRACE_JWT_AUDIENCE", "iss": "HEADRACE_JWT_ISSUER"}
"""Claims that the gateway looks at where these variables are set, and so they stand in the token too."""
TTL_PATTERN = re.compile(r"(\d{1,6})([smhd])")


def seconds_in(ttl: str) -> int:
    """The seconds in a duration such as `90s`, `15m`, `24h` or `7d`."""
    found = TTL_PATTERN.fullmatch(ttl.strip())
    if found is None or int(found[1]) == 0:
        raise Complaint(f"{ttl!r} is not a duration: write a number and a unit, such as 90s, 15m, 24h or 7d.")
    return int(found[1]) * UNITS_SECONDS[found[2]]


def moment_in(ttl: str) -> str:
    """The time (RFC 3339, UTC) that lies a duration ahead."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_in(ttl)))


def sign(key: str, user: str, *, teams: Sequence[str] = (), roles: Sequence[str] = (), ttl: str = DEFAULT_TTL) -> str:
    """A JWT that the gateway accepts from `user` until `ttl` is over."""
    # Imported here because most commands sign nothing.
    import jwt

    now = int(time.time())
    claims: dict[str, Any] = {"sub": user, "teams": list(teams), "iat": now, "exp": now + seconds_in(ttl)}
    if roles:
        claims["roles"] = list(roles)
    claims |= {claim: os.environ[variable] for claim, variable in EXPECTED.items() if os.environ.get(variable)}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def subject_of(token: str) -> str | None:
    """Whose token it is; not verified, for that is the gateway's work."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None
