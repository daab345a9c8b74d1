"""Which addresses messages may go to: never this machine or a private network, unless the channel is allowed to.

Owns the check at the moment of connecting, in the thread that sends: by whatever library, after whatever name or redirection, the address that
is checked is the one that is connected to. Never resolves names itself. Threads that send nothing are not affected.
"""

import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Refused", "guarded", "is_public"]

_thread = threading.local()
_installed = threading.Lock()
_is_installed = False


class Refused(OSError):
    """The address is not one that messages may go to."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet; a mapped or tunnelled one is judged by what it leads to."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            found = inner
        elif found in ipaddress.ip_network("64:ff9b::/96"):
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not found.is_multicast


@contextmanager
def guarded(*, private: bool) -> Iterator[list[str]]:
    """What this thread connects to inside is checked; the list tells what was refused."""
    _install()
    refused: list[str] = []
    _thread.refused = None if private else refused
    try:
        yield refused
    finally:
        _thread.refused = None


def _install() -> None:
    global _is_installed
    with _installed:
        if not _is_installed:
            sys.addaudithook(_hook)  # Cannot be taken away again, so it is added once.
            _is_installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect":
        return
    refused = getattr(_thread, "refused", None)
    if refused is None:
        return
    address = arguments[1] if len(arguments) > 1 else None
    host = str(address[0]) if isinstance(address, tuple) else ""
    if not is_public(host):
        refused.append(host)
        raise Refused(f"the address {host or 'of a local socket'} is not public; allow it with private: yes")
