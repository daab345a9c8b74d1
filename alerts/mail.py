"""E-mail: one message by a mail server, over TLS with the server's name checked, or plain where the channel says so.

Owns the address's form, `mail+smtps://USER:PASSWORD@HOST:PORT/?from=A&to=B,C`; `mail+starttls://` begins plain and goes on with TLS,
`mail+smtp://` stays plain. Never tries again. The context of TLS is made once: making it costs more than the message.
"""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from functools import lru_cache
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

__all__ = ["MAIL", "mailed"]

MAIL = "mail+"
TIMEOUT_S = 8.0
_PORTS = {"smtps": 465, "starttls": 587, "smtp": 25}


def mailed(url: str, title: str, body: str, identity: str, pages: Sequence[tuple[str, str]] = ()) -> str:
    """Sends, and returns "" or why it failed. `pages` are attached: names of files and HTML. Raises OSError and smtplib.SMTPException."""
    parts = urlsplit(url.removeprefix(MAIL))
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme not in _PORTS or not parts.hostname or not asked.get("from") or not asked.get("to"):
        return "the address is not like mail+smtps://USER:PASSWORD@HOST/?from=A&to=B"
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title.replace("\n", " "), asked["from"], asked["to"]
    message["Message-ID"] = f"<{identity}@floorwatch>"
    message.set_content(body)
    for name, page in pages:
        message.add_attachment(page, subtype="html", filename=name)
    with _server(parts) as server:
        if parts.scheme == "starttls":
            server.starttls(context=_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
    return ""


def _server(parts: SplitResult) -> smtplib.SMTP:
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, local_hostname="floorwatch", timeout=TIMEOUT_S, context=_context())
    return smtplib.SMTP(host, port, local_hostname="floorwatch", timeout=TIMEOUT_S)


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
