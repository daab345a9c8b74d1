"""The file of connections: what it says is what is made, every fault is told with its line, and no secret is ever told."""

from pathlib import Path

import pytest

from engine.errors import InvalidSetting
from streams.connectors.connections import Connection, read_connections

ENVIRONMENT = {"CHAT_SECRET": "a-secret-of-theirs", "SHORT": "short"}


def read(folder: Path, text: str) -> tuple[Connection, ...]:
    path = folder / "connect.yaml"
    path.write_text(text)
    return read_connections(path, ENVIRONMENT)


def test_a_file_makes_connections(tmp_path: Path) -> None:
    (tmp_path / "manager.secret").write_text("the-managers-password\n")
    pbx, chat, switch = read(
        tmp_path,
        """connectors:
  pbx:
    use: queue_log
    file: /var/log/asterisk/queue_log
    from: start
    zone: Asia/Shanghai
    set: {tenant: shop-7, channel: phone}
    states: {lunch: break}
  chat:
    use: chatwoot
    secret: ${CHAT_SECRET}
    secret_file: manager.secret
    answered: assignment
    inboxes: {1: web shop}
  switch: {use: ami, host: pbx.local, port: 5039, tls: yes, user: floor, secret_file: manager.secret, prefix: b-}
""",
    )
    assert (pbx.use, pbx.own["from"], str(pbx.options.zone), pbx.options.constants) == (
        "queue_log",
        "start",
        "Asia/Shanghai",
        {"tenant": "shop-7", "channel": "phone"},
    )
    assert (chat.secrets, chat.own) == (
        ("a-secret-of-theirs", "the-managers-password"), {"answered": "assignment", "inboxes": {"1": "web shop"}},
    )  # fmt: skip
    assert (switch.own["port"], switch.options.prefix, switch.is_webhook, chat.is_webhook) == (5039, "b-", False, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: the file says nothing"),
        ("connectors: chatwoot\n", ":1: connectors are names"),
        ("conectors: {}\n", "did you mean connectors?"),
        ("connectors:\n  Chat Room: {use: chatwoot}\n", ":2: 'Chat Room' cannot stand in an address"),
        ("connectors:\n  chat: {}\n", ":2: chat does not say what it uses"),
        ("connectors:\n  chat:\n    use: chatwot\n", ":3: 'chatwot' is no connector; did you mean chatwoot?"),
        ("connectors:\n  calls: {use: table}\n", "read by floorwatch replay"),
        ("connectors:\n  pbx: {use: queue_log}\n", ":2: queue_log needs file"),
        ("connectors:\n  pbx: {use: ami, host: h, user: u}\n", "ami needs the manager's password"),
        (
            "connectors:\n  pbx: {use: queue_log, file: f, secret: x}\n",
            "'secret' is unknown in a connector of queue_log",
        ),
        (
            "connectors:\n  pbx:\n    use: queue_log\n    file: f\n    from: middle\n",
            ":5: 'middle' is unknown here; choose from start, end",
        ),
        (
            "connectors:\n  chat:\n    use: chatwoot\n    secret: plain-in-the-file\n",
            ":4: a secret does not stand in this file",
        ),
        ('connectors:\n  chat:\n    use: chatwoot\n    secret: "${NOT_SET}"\n', ":4: the variable NOT_SET is not set"),
        (
            'connectors:\n  chat:\n    use: chatwoot\n    secret: "${SHORT}"\n',
            ":4: a secret has 8 to 512 printable signs",
        ),
        (
            "connectors:\n  chat:\n    use: chatwoot\n    secret_file: nowhere\n",
            ":4: the file 'nowhere' cannot be read",
        ),
        ('connectors:\n  flex: {use: twilio, secret: "${CHAT_SECRET}"}\n', "Twilio signs the address"),
        ('connectors:\n  flex: {use: twilio, url: "ftp://x"}\n', "is no address"),
        ("connectors:\n  chat: {use: chatwoot, set: {colour: red}}\n", "'colour' is no dimension"),
        ("connectors:\n  chat: {use: chatwoot, states: {lunch: asleep}}\n", "'asleep' is no state"),
        ("connectors:\n  chat: {use: chatwoot, zone: Mars/Base}\n", "no IANA time zone"),
        ("connectors:\n  chat: {use: cloudevents, types: {a: b}}\n", "'b' is none of the format's types"),
        ("connectors:\n  pbx: {use: ami, host: 'a b', user: u, secret: '${CHAT_SECRET}'}\n", "no name of a machine"),
        ("connectors:\n  pbx: {use: ami, host: h, port: 99999, user: u, secret: '${CHAT_SECRET}'}\n", "is no port"),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_would_be_right(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"connect\.yaml:") as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert not any(secret in str(refused.value) for secret in ("a-secret-of-theirs", "plain-in-the-file"))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting) as refused:
        read(tmp_path, "connectors:\n  a: {use: chatwot}\n  b: {use: queue_log}\n  c: {use: chatwoot, colour: red}\n")
    assert len(str(refused.value).splitlines()) == 3


def test_a_connection_does_not_show_its_secrets(tmp_path: Path) -> None:
    (chat,) = read(tmp_path, "connectors:\n  chat:\n    use: chatwoot\n    secret: ${CHAT_SECRET}\n")
    assert "theirs" not in repr(chat) + str(chat)
