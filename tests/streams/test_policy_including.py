"""Files that a policy includes: what they add, what stands above them, and what is refused with its file and line."""

from pathlib import Path

import pytest

from engine.policy import LIMITS, Policy
from engine.source import FILE_BYTES_MAX, InvalidFile
from engine.times import MINUTE_US, SECOND_US
from streams.policy.files import FILES_MAX, Beside, Bundle, Nothing
from streams.policy.including import INCLUDE_DEPTH_MAX
from streams.policy.reading import (
    LINES_MAX,
    bundled,
    default_policy,
    default_text,
    parse_policy,
    read_bundle,
    read_policy,
    unbundled,
)

STOCKTAKING = ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260907\r\n"
               "DTEND;VALUE=DATE:20260909\r\nSUMMARY:stocktaking\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")  # fmt: skip


def written(folder: Path, **texts: str) -> Path:
    """Files by name, `/` written as two underlines; the path of the one called main."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "main.yaml"


def faults(path: Path) -> list[str]:
    """What is wrong, places told from the folder of the file."""
    with pytest.raises(InvalidFile) as refused:
        read_policy(path)
    return [fault.removeprefix(f"{path.parent}/") for fault in refused.value.faults]


def waits(policy: Policy) -> dict[str, int]:
    """Seconds by the conditions' words."""
    return {line.why(): line.limit_us // SECOND_US for line in policy.lines if line.limit == "wait"}


def test_lines_that_several_files_add_to_one_limit_all_hold(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="include: [base.yaml, shops/a.yaml, shops/b.yaml]",
        base="limits: {wait: [5m, {limit: 30s, channel: phone}]}",
        shops__a="limits: {wait: {limit: 20s, tenant: a}}",
        shops__b="limits: {wait: [{limit: 10s, tenant: b}], transfers: 5}",
    )
    policy = read_policy(main)
    assert waits(policy) == {"everybody": 300, "channel phone": 30, "tenant a": 20, "tenant b": 10}
    assert {line.where for line in policy.lines if line.limit == "wait"} == {
        f"{tmp_path}/{place}" for place in ("base.yaml:1", "shops/a.yaml:1", "shops/b.yaml:1")
    }
    for limit in set(LIMITS) - {"wait", "transfers"}:
        ours, default = ([line for line in one.lines if line.limit == limit] for one in (policy, default_policy()))
        assert ours == default


def test_a_limit_that_the_file_itself_names_stands_above_what_it_includes(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="include: base.yaml\nservice_level: answered_of_answered\nlimits: {wait: 1m}",
        base="service_level: answered_of_ended\nlimits: {wait: [5m, {limit: 30s, channel: phone}], announcement: none}",
    )
    policy = read_policy(main)
    assert waits(policy) == {"everybody": 60}
    assert policy.service_level == "answered_of_answered"
    assert [line.where for line in policy.lines if line.limit == "announcement"] == [f"{tmp_path}/base.yaml:2"]


def test_periods_are_added_and_hours_are_known_to_all_files(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="zone: Europe/Berlin\ninclude: [calendar.yaml, shop.yaml]\nperiods: [{name: fair, from: 2026-03-01, until: 2026-03-08}]\n"
        "hours: {desk: {week: {mon: 08:00-12:00}}}",
        calendar="periods: {name: sale, from: 2026-11-11, until: 2026-11-12}\n"
        "hours: {desk: {week: {mon: 09:00-18:00}}, night: {week: {mon-sun: 22:00-06:00}}}",
        shop="limits: {next_reply: {limit: 1h, tenant: shop, hours: night, period: sale}}",
    )
    policy = read_policy(main)
    assert [(period.name, period.where.rpartition("/")[2]) for period in policy.periods] == [
        ("sale", "calendar.yaml:1"), ("fair", "main.yaml:3"),
    ]  # fmt: skip
    assert policy.hours["desk"].week[0] == ((480, 720),) and policy.hours["night"].zone == "Europe/Berlin"


def test_a_file_below_names_its_files_from_its_own_folder(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="include: [shops/all.yaml]",
        shops__all="include: [one.yaml]\nhours: {own: {week: {mon-fri: 09:00-18:00}, calendar: days.ics}}",
        shops__one="limits: {wait: {limit: 9s, tenant: one}}",
    )
    (tmp_path / "shops" / "days.ics").write_text(STOCKTAKING)
    bundle, policy = read_bundle(main)
    assert waits(policy) == {"tenant one": 9}
    assert len(policy.hours["own"].closed) == 2
    assert sorted(bundle.files) == ["shops/all.yaml", "shops/days.ics", "shops/one.yaml"]


def test_a_bundle_is_the_same_policy_without_its_folder(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="include: [shop.yaml]\nhours: {own: {week: {mon-fri: 09:00-18:00}, holidays: CN, calendar: days.ics}}",
        shop="limits: {wait: {limit: 9s, tenant: shop}}",
    )
    (tmp_path / "days.ics").write_text(STOCKTAKING)
    bundle, policy = read_bundle(main)
    for name in ("main.yaml", "shop.yaml", "days.ics"):
        (tmp_path / name).unlink()
    assert unbundled(Bundle.unpacked(bundle.packed())) == policy
    older = Bundle(bundle.name, bundle.text, b"limits: {transfers: 9}", 2025, bundle.files)
    assert unbundled(older).find("transfers", {}).limit_us == 9  # type: ignore[union-attr]
    assert max(day.year for day in unbundled(older).hours["own"].closed) <= 2026


def test_one_small_file_for_each_of_three_hundred_shops(tmp_path: Path) -> None:
    shops = {f"shops__s{n}": f"limits:\n  wait: {{limit: {n + 10}s, tenant: s{n}}}\n  next_reply: {{limit: 1m, tenant: s{n}}}" for n in range(300)}  # fmt: skip
    names = ", ".join(f"shops/s{n}.yaml" for n in range(300))
    main = written(tmp_path, main=f"include: [base.yaml, {names}]", base=default_text(), **shops)
    policy = read_policy(main)
    assert policy.find("wait", {"tenant": "s7", "channel": "app"}).limit_us == 17 * SECOND_US  # type: ignore[union-attr]
    assert policy.find("wait", {"tenant": "another"}).limit_us == 5 * MINUTE_US  # type: ignore[union-attr]


REFUSED = {
    "the same line in two files": (
        {"main": "include: [a.yaml, b.yaml]", "a": "limits: {wait: {limit: 5s, tenant: x}}", "b": "limits:\n  wait: {limit: 6s, tenant: x}"},
        "b.yaml:2: wait for tenant x is said already at ", "/a.yaml:1; keep one of the two",
    ),
    "hours of one name in two files": (
        {"main": "include: [a.yaml, b.yaml]", "a": "hours: {o: {week: {mon: 08:00-09:00}}}", "b": "hours: {o: {week: {mon: 09:00-10:00}}}"},
        "b.yaml:1: 'o' is said already at ", "/a.yaml:1; keep one of the two",
    ),
    "two formulas": (
        {"main": "include: [a.yaml, b.yaml]", "a": "service_level: answered_of_ended", "b": "service_level: answered_of_answered"},
        "b.yaml:1: 'service_level' is said already at ", "",
    ),
    "another zone than the file below": (
        {"main": "zone: Europe/Berlin\ninclude: a.yaml", "a": "zone: Asia/Tokyo\nlimits: {wait: 5s}"},
        "main.yaml:1: 'zone' is said already at ", "/a.yaml:1; keep one of the two",
    ),
    "a fault in a file below": (
        {"main": "include: a.yaml", "a": "limits:\n  wait: soon"}, "a.yaml:2: 'soon'", "",
    ),
    "an empty list beside another": (
        {"main": "include: [a.yaml, b.yaml]", "a": "limits: {wait: 5s}", "b": "limits:\n  wait: []"}, "b.yaml:2: a line of wait", "",
    ),
    "no YAML below": ({"main": "limits: {wait: 5s}\ninclude: a.yaml", "a": "limits: {"}, "a.yaml:1: this is no YAML", ""),
    "a list below": ({"main": "include: a.yaml", "a": "[limits]"}, "a.yaml:1: the file consists of names and values", ""),
    "a circle": (
        {"main": "include: a.yaml", "a": "include: [b.yaml]", "b": "\ninclude: [a.yaml]"},
        "b.yaml:2: the files include each other in a circle, a.yaml → b.yaml → a.yaml; leave one out", "",
    ),
    "a circle of one": (
        {"main": "include: main.yaml"}, "main.yaml:1: the files include each other in a circle, main.yaml → main.yaml", "",
    ),
    "a file twice": (
        {"main": "include:\n  - a.yaml\n  - b.yaml", "a": "include: [b.yaml]", "b": "limits: {wait: 5s}"},
        "main.yaml:3: 'b.yaml' is included already at ", "/a.yaml:1; include it once",
    ),
    "a missing file": ({"main": "include: [none.yaml]"}, "main.yaml:1: 'none.yaml' cannot be read: No such file or directory", ""),
    "a folder": ({"main": "include: [sub]", "sub__a": ""}, "main.yaml:1: 'sub' is no file; name one", ""),
    "a way up": ({"main": "include: [../a.yaml]"}, "main.yaml:1: '../a.yaml' lies outside of the policy's folder", ""),
    "a way up from below": ({"main": "include: [sub/a.yaml]", "sub__a": "include: [../main.yaml]"}, "sub/a.yaml:1: '../main.yaml' lies outside", ""),
    "an absolute path": ({"main": "include: [/etc/passwd]"}, "main.yaml:1: '/etc/passwd' lies outside of the policy's folder", ""),
    "a calendar from outside": (
        {"main": "hours: {o: {week: {mon: 08:00-09:00}, calendar: /etc/passwd}}"}, "main.yaml:1: '/etc/passwd' lies outside", "",
    ),
    "a mapping": ({"main": "include: {a: b}"}, "main.yaml:1: what is included is a file; write include: [shops.yaml]", ""),
    "a large file": ({"main": "include: a.yaml", "a": "#" * (FILE_BYTES_MAX + 1)}, "a.yaml:1: the file is larger than 262,144 bytes", ""),
    "too deep": (
        {"main": "include: f0.yaml"} | {f"f{n}": f"include: f{n + 1}.yaml" for n in range(INCLUDE_DEPTH_MAX + 1)},
        f"f{INCLUDE_DEPTH_MAX - 1}.yaml:1: files include one another more than {INCLUDE_DEPTH_MAX} deep", "",
    ),
    "more lines than are compared": (
        {"main": "include: [a.yaml, b.yaml]", "a": "limits: {wait: 5s}"}
        | {"b": "limits:\n  wait:\n" + "".join(f"    - {{limit: 5s, queue: q{n}}}\n" for n in range(LINES_MAX))},
        f"b.yaml:2: there are {LINES_MAX + 1:,} lines", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("texts", "told", "and_then"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_included_is_refused_with_its_file_and_line(
    texts: dict[str, str], told: str, and_then: str, tmp_path: Path
) -> None:
    (fault,) = faults(written(tmp_path, **texts))
    assert fault.startswith(told) and and_then in fault


def test_a_link_may_lead_within_the_folder_and_not_out_of_it(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.yaml"
    inside.mkdir()
    outside.write_text("limits: {wait: 5s}")
    main = written(inside, main="include: [linked.yaml]", real="limits: {wait: 7s}")
    (inside / "linked.yaml").symlink_to("real.yaml")
    assert waits(read_policy(main)) == {"everybody": 7}
    (inside / "linked.yaml").unlink()
    (inside / "linked.yaml").symlink_to(outside)
    assert faults(main) == ["main.yaml:1: 'linked.yaml' lies outside of the policy's folder; name a file beside the policy or below"]  # fmt: skip


def test_more_files_than_are_read_are_refused(tmp_path: Path) -> None:
    texts = {f"f{n}": "limits: {}" for n in range(FILES_MAX + 1)}
    main = written(tmp_path, main="include:\n" + "".join(f"  - {name}.yaml\n" for name in texts), **texts)
    (fault,) = faults(main)
    assert fault == f"main.yaml:{FILES_MAX + 2}: more than 1,000 files are named; join some of them"


def test_faults_are_said_file_by_file_in_the_order_of_their_lines(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main="include: [b.yaml, a.yaml]\nlimits: {wait: soon}",
        a="limits:\n  transfers: often\n  announcement: sometimes",
        b="limits: {first_reply: later}",
    )
    assert [fault.partition(": ")[0] for fault in faults(main)] == ["main.yaml:2", "b.yaml:1", "a.yaml:2", "a.yaml:3"]


def test_a_policy_that_is_sent_reads_no_file_of_this_machine() -> None:
    for text in (b"include: [a.yaml]", b"hours: {o: {week: {mon: 08:00-09:00}, calendar: own.ics}}"):
        with pytest.raises(InvalidFile, match="sent:1: a policy that is sent names no files; write out what '"):
            bundled(text, "sent", Nothing("sent"))
    assert waits(bundled(b"limits: {wait: 5s}", "sent", Nothing("sent"))[1]) == {"everybody": 5}


def test_what_was_asked_for_is_known_though_the_file_was_refused(tmp_path: Path) -> None:
    main = written(tmp_path, main="include: [a.yaml, none.yaml]", a="limits: {wait: soon}")
    files = Beside(str(main))
    with pytest.raises(InvalidFile):
        read_bundle(main, files)
    assert files.asked == ["a.yaml", "none.yaml"]


def test_a_file_that_says_nothing_but_itself_is_as_before() -> None:
    assert (
        parse_policy(b"limits: {wait: 5s}", "p.yaml") == bundled(b"limits: {wait: 5s}", "p.yaml", Nothing("p.yaml"))[1]
    )
