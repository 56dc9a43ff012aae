"""Who may speak to a port that knows no credentials yet: programs, and pages of this machine.

A browser on the operator's machine reaches loopback for any page it shows. Two tricks follow from
that. A page posts a form across sites: the browser then names the page in `Origin`. Or its name is
made to resolve to 127.0.0.1 (DNS rebinding), so that the browser sees one site: the page's name is
then in `Host`. So `Host` must be a loopback name or address, and so must the host of `Origin` where
one is sent. Programs send no `Origin` and are not touched.

This is no authentication: it keeps strangers' pages out, not strangers.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.core.errors import OriginRefused

# Header values found good before. A machine is called by a few names; an attacker's are not kept.
KNOWN_MAX = 256


class Origin:
    """ASGI wrapper that refuses what a page of another site could have sent."""

    def __init__(self, inside: ASGIApp) -> None:
        self._inside = inside
        self._known: set[tuple[bytes, bytes]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise `OriginRefused`."""
        if scope["type"] == "http":
            named = 0
            for header in scope["headers"]:
                if header[0] == b"host":
                    named += 1
                    self._check(header)
                elif header[0] == b"origin":
                    self._check(header)
            if named != 1:
                raise OriginRefused(f"expected one Host header, found {named}")
        await self._inside(scope, receive, send)

    def _check(self, header: tuple[bytes, bytes]) -> None:
        if header in self._known:
            return
        name, value = header
        text = value.decode("latin-1")
        host = _host(text if name == b"origin" else f"//{text}")
        if host is None or not is_loopback(host):
            title = name.decode().title()
            raise OriginRefused(
                f"{title}: expected a loopback name or address; a page of another site may not "
                "speak to Aegis"
            )
        if len(self._known) < KNOWN_MAX:
            self._known.add(header)


def is_loopback(host: str) -> bool:
    """Whether a host in lower case, without brackets, is this machine: RFC 6761, RFC 1122."""
    if host in ("localhost", "::1"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        # A name, or another spelling of an address: nobody's honest Host.
        return False


def _host(text: str) -> str | None:
    """The host of a URL with nothing but scheme, host and port; None for anything else."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return None
    host = url.hostname
    if host is None:
        return None
    shown = f"[{host}]" if ":" in host else host
    plain = shown if port is None else f"{shown}:{port}"
    prefix = f"{url.scheme}://" if url.scheme else "//"
    return host if text.lower() == f"{prefix}{plain}" else None
