"""A policy's file: what it says is what holds, and what it cannot say is refused with its line and what would be right."""

import re
import time
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidSetting
from engine.measures import SERVICE_LEVELS
from engine.policy import CLOCKS, CONDITIONS, COUNTS, DUTIES, LIMITS, NO_LIMIT_US, OF_CASES, Line, Policy
from engine.source import FILE_BYTES_MAX, InvalidFile
from engine.times import MINUTE_US, SECOND_US, iso
from streams.policy.reading import LINES_MAX, default_policy, default_text, parse_policy, read_policy
from streams.policy.words import LIMIT_US_MAX, instant_us, limit_text, limit_us, share_permille, share_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
EXAMPLE = """\
zone: Asia/Shanghai
service_level: answered_of_answered
periods:
  - {name: double-11, from: 2026-11-10 20:00, until: 2026-11-12}
limits:
  wait:
    - 5m
    - {limit: 30s, channel: phone}
    - {limit: none, queue: [archive, spam]}
    - limit: 15s
      channel: phone
      tier: [vip, ka]
      period: double-11
      warn_at: 62.5%
  announcement: none
"""


def faults(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(InvalidFile) as refused:
        parse_policy(text if isinstance(text, bytes) else text.encode(), "p.yaml")
    for fault in refused.value.faults:
        assert re.match(r"p\.yaml:\d+: ", fault), fault
    assert str(refused.value) == "\n".join(refused.value.faults)
    return refused.value.faults


def limits(text: str) -> str:
    return f"limits:\n  wait:\n    - {text}\n"


def only(text: str) -> Line:
    (found,) = (line for line in parse_policy(limits(text).encode(), "p.yaml").lines if line.limit == "wait")
    return found


# What a file says.


def test_a_file_says_lines_periods_and_the_formula(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(EXAMPLE)
    policy = read_policy(path)
    waits = [line for line in policy.lines if line.limit == "wait"]
    assert [(line.limit_us, line.warn_permille, dict(line.when)) for line in waits] == [
        (5 * MINUTE_US, 800, {}),
        (30 * SECOND_US, 800, {"channel": {"phone"}}),
        (NO_LIMIT_US, 800, {"queue": {"archive", "spam"}}),
        (15 * SECOND_US, 625, {"channel": {"phone"}, "tier": {"vip", "ka"}, "period": {"double-11"}}),
    ]
    assert [line.where for line in waits] == [f"{path}:{line}" for line in (7, 8, 9, 10)]
    assert policy.service_level == "answered_of_answered"
    (period,) = policy.periods
    assert (period.name, period.where) == ("double-11", f"{path}:4")
    assert iso(period.start_us, SHANGHAI) == "2026-11-10T20:00:00+08:00"
    assert iso(period.end_us, SHANGHAI) == "2026-11-12T00:00:00+08:00"


def test_a_limit_that_the_file_does_not_name_stays_as_the_default_has_it() -> None:
    policy = parse_policy(EXAMPLE.encode(), "p.yaml")
    assert [line.limit_us for line in policy.lines if line.limit == "announcement"] == [NO_LIMIT_US]
    for limit in set(LIMITS) - {"wait", "announcement"}:
        ours, default = ([line for line in one.lines if line.limit == limit] for one in (policy, default_policy()))
        assert ours == default
    assert parse_policy(b"{}", "p.yaml") == replace(default_policy(), notes=())


def test_the_order_of_the_sections_does_not_matter() -> None:
    parts = re.split(r"^(?=\w)", EXAMPLE, flags=re.MULTILINE)[1:]
    ours, turned = (parse_policy("".join(text).encode(), "p.yaml") for text in (parts, parts[::-1]))
    assert [(line.limit, line.limit_us, line.when) for line in ours.lines] == [
        (line.limit, line.limit_us, line.when) for line in turned.lines
    ]
    assert [period.start_us for period in ours.periods] == [period.start_us for period in turned.periods]


@pytest.mark.parametrize("text", ["on", "no", "yes", "off", "1:30", "0x10", "1_000", "null", "2026-11-11", "007", "是"])
def test_a_word_is_the_text_that_was_written(text: str) -> None:
    assert only(f"{{limit: 5s, queue: {text}}}").when["queue"] == {text}


def test_grades_are_rules_of_their_own_and_stay_as_they_are_where_the_file_names_none() -> None:
    text = "grades:\n  - {grade: major, kind: [outage, media], after: 90m, tier: ka}\n  - {grade: extraordinary, priority: urgent}\n"
    first, second = parse_policy(text.encode(), "p.yaml").grades
    assert (first.grade, first.after_us, dict(first.when), first.where) == (
        "major", 90 * MINUTE_US, {"kind": {"outage", "media"}, "tier": {"ka"}}, "p.yaml:2",
    )  # fmt: skip
    assert (second.grade, second.after_us) == ("extraordinary", 0)
    assert parse_policy(b"grades: none", "p.yaml").grades == ()
    assert parse_policy(b"limits: {wait: 5m}", "p.yaml").grades == default_policy().grades != ()


@pytest.mark.parametrize(
    ("limit", "of", "hours"),
    [("case_respond", {"kind": "complaint"}, 24), ("case_respond", {"kind": "serious_complaint"}, 12),
     ("case_respond", {"kind": "outage"}, 0.5), ("case_respond", {"kind": "media"}, 1),
     ("case_respond", {"kind": "media", "category": "cluster"}, 4), ("case_respond", {"kind": "logistics"}, 1),
     ("case_respond", {"kind": "product_defect"}, 24), ("case_resolve", {"kind": "complaint"}, 48),
     ("case_resolve", {"kind": "serious_complaint"}, 24), ("case_resolve", {"kind": "outage", "grade": "major"}, 2),
     ("case_resolve", {"kind": "media"}, 24), ("case_report", {"kind": "outage"}, 1 / 6),
     ("case_report", {"kind": "outage", "priority": "complex"}, 1 / 12), ("case_verify", {}, 0.5),
     ("case_inform", {"kind": "complaint"}, 24), ("case_follow_up", {"kind": "complaint"}, 24),
     ("case_follow_up", {"category": "return"}, 24), ("case_review", {"kind": "outage"}, 7 * 24),
     ("case_review", {"kind": "media", "grade": "extraordinary"}, 48), ("case_progress", {"kind": "joint"}, 2),
     ("coaching", {"kind": "critical"}, 24), ("coaching", {"kind": "other"}, 72), ("call_back", {}, 24)],
)  # fmt: skip
def test_the_default_has_the_figures_of_the_catalogue_for_what_is_owed_besides(
    limit: str, of: dict[str, str], hours: float
) -> None:
    found = default_policy().find(limit, of)
    assert found is not None
    assert found.limit_us == hours * 60 * MINUTE_US


def test_who_says_nothing_of_itself_is_meant_by_empty_quotes() -> None:
    assert only('{limit: 5s, channel: ""}').when["channel"] == {""}


def test_the_same_period_may_come_every_year() -> None:
    text = "periods: [{name: sale, from: 2026-11-11, until: 2026-11-12}, {name: sale, from: 2027-11-11, until: 2027-11-12}]"
    assert [period.name for period in parse_policy(text.encode(), "p.yaml").periods] == ["sale", "sale"]


@given(st.one_of(st.integers(1, LIMIT_US_MAX), st.just(NO_LIMIT_US)), st.integers(0, 999))
def test_what_is_shown_of_a_limit_reads_as_that_limit(value_us: int, permille: int) -> None:
    assert limit_us(limit_text(value_us)) == value_us
    assert share_permille(share_text(permille)) == permille


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-12", "Asia/Shanghai", "2026-11-11T16:00:00Z"),
        ("2026-11-10 20:00", "Asia/Shanghai", "2026-11-10T12:00:00Z"),
        ("2026-11-10T20:00:30.5", "UTC", "2026-11-10T20:00:30.500Z"),
        ("2026-11-10 20:00 +01:00", "Asia/Shanghai", "2026-11-10T19:00:00Z"),
        ("2026-11-10T20:00Z", "Asia/Shanghai", "2026-11-10T20:00:00Z"),
        ("2026-10-25 02:30+02:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        # The clocks go forward at midnight there, so the day begins at one o'clock.
        ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00:00Z"),
    ],
)
def test_dates_are_local_unless_they_have_an_offset(text: str, zone: str, expected: str) -> None:
    assert iso(instant_us(text, ZoneInfo(zone))) == expected


# The default.


def test_the_default_says_what_the_engine_says_where_both_speak() -> None:
    def told(policy: Policy) -> set[tuple[object, ...]]:
        return {(line.limit, line.limit_us, line.warn_permille, *sorted(line.when.items())) for line in policy.lines}

    assert told(Policy()) < told(default_policy())
    assert Policy().service_level == default_policy().service_level


def test_the_default_watches_every_limit_and_nobody_is_without_a_target() -> None:
    assert {line.limit for line in default_policy().lines} == set(LIMITS)
    assert all(default_policy().find(limit, {}) for limit in ("wait", "target", "short"))


@pytest.mark.parametrize(
    ("limit", "channel", "seconds"),
    [("first_reply", "app", 60), ("next_reply", "wechat", 60), ("first_human_reply", "web", 60), ("wait", "phone", 30),
     ("wait", "sms", 300), ("first_human_reply", "email", 7_200), ("announcement", "phone", 15), ("target", "app", 20)],
)  # fmt: skip
def test_the_default_has_the_figures_of_the_catalogue(limit: str, channel: str, seconds: int) -> None:
    found = default_policy().find(limit, {"channel": channel})
    assert found is not None
    assert found.limit_us == seconds * SECOND_US


def test_every_example_in_the_default_holds_once_its_mark_is_taken_away() -> None:
    whole = parse_policy(re.sub(r"^#\|", "", default_text(), flags=re.MULTILINE).encode(), "p.yaml")
    assert len(whole.lines) == len(default_policy().lines) + default_text().count("\n#|    - ")
    assert [period.name for period in whole.periods] == ["double-11"]
    for example in re.findall(r"^#\|(    - .*)$", default_text(), re.MULTILINE):
        alone = default_text().replace(f"#|{example}", example)
        if "period:" in example:
            alone = re.sub(r"^#\|(periods:|  - )", r"\1", alone, flags=re.MULTILINE)
        assert len(parse_policy(alone.encode(), "p.yaml").lines) == len(default_policy().lines) + 1


def test_every_row_of_the_catalogue_is_told_in_both_languages() -> None:
    comments = "\n".join(line for line in default_text().splitlines() if line.startswith(("#", "  #")))
    rows = {*range(1, 11), *range(12, 15), *range(16, 32), 38, 39, 40, 46, 50}
    assert {f"C{row}" for row in rows} <= set(re.findall(r"C\d+", comments))
    for paragraph in comments.split("  # C"):
        assert re.search("[\u4e00-\u9fff]{4}", paragraph), paragraph


# What is refused.

REFUSED = {
    "an unknown section": ("limit: {}\n", 1, "'limit' is unknown in the file; did you mean limits?"),
    "an unknown limit": ("limits:\n  wiat: 5m\n", 2, "'wiat' is unknown in limits; did you mean wait?"),
    "an unknown condition": (limits("{limit: 5s, chanel: phone}"), 3, "'chanel' is unknown in a line of wait; did you mean channel?"),
    "a name like no other": (limits("{limit: 5s, zzz: 1}"), 3, "choose from limit, warn_at, hours, pauses, tenant"),
    "a merge key": (limits("{limit: 5s, <<: {channel: phone}}"), 3, "'<<' is unknown"),
    "a name said twice": ("limits:\n  wait: 5m\n  wait: 6m\n", 3, "'wait' is said already in line 2; keep one of the two"),
    "a plain number": (limits("300"), 3, "'300' is not a duration; write it like 30s"),
    "base sixty": (limits("1:30"), 3, "'1:30' is not a duration; write it like 30s"),
    "a target of zero": ("limits: {target: 0s}", 1, "must be above zero"),
    "a limit below zero": (limits("-5s"), 3, "'-5s' is not a duration"),
    "a limit of a century": (limits("36500d"), 3, "longer than 366 days; write none"),
    "a limit of many digits": (limits("9" * 200 + "h"), 3, "longer than 366 days; write none"),
    "a limit too fine": (limits("0.0000001s"), 3, "finer than a microsecond"),
    "digits of another script": (limits("٥m"), 3, "is not a duration"),
    "a line without a limit": (limits("{channel: phone}"), 3, "the line does not say its limit; write limit: 30s"),
    "a list for a limit": (limits("{limit: [5s]}"), 3, "a list or a mapping stands where one value belongs"),
    "a list in a condition's list": (limits("{limit: 5s, queue: [[a]]}"), 3, "stands where one value belongs"),
    "no line of a limit": ("limits:\n  wait: []\n", 2, "the list is empty"),
    "no value of a condition": (limits("{limit: 5s, queue: []}"), 3, "queue accepts nothing"),
    "a name with nothing": ("limits:\n  wait:\n", 2, "a value is missing"),
    "a warning after the limit": (limits("{limit: 5s, warn_at: 120%}"), 3, "'120%' is no share of the time; write it like 80%"),
    "a warning at once": (limits("{limit: 5s, warn_at: 0%}"), 3, "'0%' is no share of the time"),
    "a warning of a target": ("limits: {target: {limit: 5s, warn_at: 80%}}", 1, "target is no clock"),
    "hours of a promise": ("limits:\n  promise: {limit: due, hours: office}", 2, "promise is due when it says itself, so it has no hours"),
    "a promise in so much time": ("limits:\n  promise: 1h", 2, "'1h' is no limit of a promise, which says itself when it is due; write due"),
    "a promise without a limit": ("limits:\n  promise: {tier: vip}", 2, "does not say its limit; write limit: due"),
    "a wait until it is due": (limits("due"), 3, "'due' is not a duration"),
    "a number of times without a limit": ("limits:\n  misses: {tier: vip}", 2, "does not say its limit; write limit: 3"),
    "a kind of contacts": (limits("{limit: 5s, kind: outage}"), 3, "wait is of contacts, which have no kind; leave it out"),
    "an unknown grade": ("grades:\n  - {grade: bad}", 2, "no case rises to 'bad'; choose from major, extraordinary"),
    "the least grade": ("grades:\n  - {grade: ordinary, kind: outage}", 2, "no case rises to 'ordinary'"),
    "a rule without a grade": ("grades:\n  - {kind: outage, after: 1h}", 2, "does not say its grade; write grade: major"),
    "a grade by grade": ("grades:\n  - {grade: major, grade_: x}", 2, "'grade_' is unknown in a grade; did you mean grade?"),
    "a grade after a century": ("grades:\n  - {grade: major, after: 36500d}", 2, "longer than 366 days; correct after"),
    "a grade in an unknown period": ("grades:\n  - {grade: major, period: sale}", 2, "there is no period 'sale'"),
    "no grades at all": ("grades: []", 1, "the list is empty"),
    "the same for the same": (limits("5m\n    - 6m"), 4, "wait for everybody is said already at p.yaml:3"),
    "an unknown formula": ("service_level: best", 1, "'best' is no service-level formula; choose from answered_of_ended"),
    "an unknown zone": ("zone: Mars/Olympus", 1, "'Mars/Olympus' is no IANA time zone"),
    "a zone out of its folder": ("zone: ../../etc/passwd", 1, "is no IANA time zone"),
    "an unknown period": (limits("{limit: 5s, period: sale}"), 3, "there is no period 'sale'"),
    "a period without an end": ("periods: {name: sale, from: 2026-11-11}", 1, "does not say until"),
    "a period without a name": ('periods: [{name: "", from: 2026-11-11, until: 2026-11-12}]', 1, "an empty name"),
    "a period that ends before it begins": ("periods: [{name: a, from: 2026-11-12, until: 2026-11-11}]", 1, "ends before"),
    "periods that overlap": (
        "periods:\n  - {name: a, from: 2026-11-10, until: 2026-11-12}\n  - {name: b, from: 2026-11-11, until: 2026-11-13}\n",
        3, "periods must not overlap",
    ),
    "a date that does not exist": ("periods: [{name: a, from: 2026-02-30, until: 2026-11-11}]", 1, "does not exist"),
    "a date in another order": ("periods: [{name: a, from: 11/11/2026, until: 2026-11-11}]", 1, "is no date; write it like"),
    "a year before telephones": ("periods: [{name: a, from: 0001-01-01, until: 2026-11-11}]", 1, "1900 to 2199"),
    "an hour that is skipped": (
        "zone: Europe/Berlin\nperiods: [{name: a, from: 2026-03-29 02:30, until: 2026-11-11}]\n", 2, "does not exist in Europe/Berlin",
    ),
    "an hour that comes twice": (
        "zone: Europe/Berlin\nperiods: [{name: a, from: 2026-10-25 02:30, until: 2026-11-11}]\n", 2, "comes twice in Europe/Berlin",
    ),
    "an anchor": ("limits:\n  wait: &all 5m\n", 2, "there is an anchor"),
    "an alias": ("limits:\n  wait: *all\n", 2, "there is an anchor (&) or alias (*)"),
    "a tag": ("limits:\n  wait: !!int 5\n", 2, "there is a tag"),
    "a tag of Python": ("!!python/object/apply:os.system [ls]", 1, "there is a tag"),
    "the empty tag": ("limits:\n  wait: ! 5m\n", 2, "there is a tag"),
    "a list for a name": ("? [a, b]\n: 5m\n", 1, "a list or a mapping stands where a name belongs"),
    "brackets without an end": ("limits: {wait: 5m\n", 2, "this is no YAML"),
    "a tabulator": ("limits:\n\twait: 5m\n", 2, "this is no YAML"),
    "brackets beyond depth": ("[" * 100_000, 1, "deeper than 10 levels"),
    "nothing": ("# limits:\n", 2, "the file says nothing"),
    "two documents": ("limits: {wait: 5m}\n---\nlimits: {wait: 6m}\n", 2, "a second document begins"),
    "a word alone": ("hello", 1, "consists of names and values; choose from zone"),
    "a list alone": ("- 5m", 1, "consists of names and values; choose from zone"),
    "a control character": ("limits:\n  wait: 5\x1bm\n", 2, "U+001B must not stand in YAML"),
    "an escaped control character": (limits(r'{limit: 5s, queue: "\x1b[31m"}'), 3, "holds a sign that cannot be seen"),
    "half a surrogate": (limits(r'{limit: 5s, queue: "\ud800"}'), 3, "holds a sign that cannot be seen"),
    "an escape beyond Unicode": (limits(r'{limit: 5s, queue: "\UFFFFFFFF"}'), 3, "too large to be read"),
    "a version of many digits": ("%YAML 1." + "9" * 5_000 + "\n---\n{}\n", 1, "too large to be read"),
    "a long name": (limits("{limit: 5s, queue: " + "q" * 257 + "}"), 3, "longer than 256 characters"),
    "bytes of another encoding": ("limits:\n  wait: 等\n".encode("gbk"), 2, "no UTF-8; save the file as UTF-8"),
    "zeros": (b"limits:\n\0", 2, "U+0000 must not stand in YAML"),
    "a large file": (b"#" * (FILE_BYTES_MAX + 1), 1, "larger than 262,144 bytes"),
    "more lines than are compared": (
        "limits:\n  wait:\n" + "".join(f"    - {{limit: 5s, queue: q{n}}}\n" for n in range(LINES_MAX + 1)), 2, "a policy may have 1,000",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_policy_is_refused_with_its_line_and_what_would_be_right(
    text: str | bytes, line: int, told: str
) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"p.yaml:{line}: ")
    assert told in fault


def test_all_faults_of_a_file_are_said_at_once() -> None:
    text = EXAMPLE.replace("Asia/Shanghai", "Mars").replace("5m", "5").replace("62.5%", "much").replace("queue", "line")
    found = faults(text.replace("announcement", "anouncement"))
    assert [int(fault.split(":")[1]) for fault in found] == [1, 7, 9, 14, 15]


def test_of_very_many_faults_the_first_are_said_and_the_others_counted() -> None:
    assert faults("x: 1\n" + "x: 2\n" * 1_000)[-1] == "p.yaml:51: here and below are 951 faults more"


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.lists(st.sampled_from([*EXAMPLE, *"[]{}:,&*!|>'\"%@\n\t -#?\\Ux0", "limits:\n", "  wait: ", "- ", "<<: "]), max_size=60).map(
            lambda parts: "".join(parts).encode()
        ),
        st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 9), st.text(max_size=4)).map(
            lambda cut: (EXAMPLE[: cut[0]] + cut[2] + EXAMPLE[cut[0] + cut[1] :]).encode()
        ),
    )
)  # fmt: skip
def test_any_file_is_a_policy_or_is_refused_with_a_line(data: bytes) -> None:
    try:
        parse_policy(data, "p.yaml")
    except InvalidFile as refused:
        assert all(re.match(r"p\.yaml:\d+: \S", fault) for fault in refused.faults)


def test_the_largest_policy_is_read_in_a_few_seconds_and_a_bomb_at_once() -> None:
    started = time.perf_counter()
    text = "limits:\n  wait:\n" + "".join(f"    - {{limit: 5s, queue: q{n}, tier: vip}}\n" for n in range(LINES_MAX))
    assert len(parse_policy(text.encode(), "p.yaml").lines) > LINES_MAX
    assert time.perf_counter() - started < 20
    started = time.perf_counter()
    bomb = "a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    faults(bomb)
    faults("{" * 200_000)
    assert time.perf_counter() - started < 10


def test_a_refused_file_is_a_refused_setting_to_whoever_asks_the_engine() -> None:
    assert issubclass(InvalidFile, InvalidSetting)


def test_every_word_that_a_file_may_use_is_a_word_of_the_engine() -> None:
    office = "{limit: 1s, hours: office}"
    own = {"automatic_reply": office, "promise": "due"}
    said = {limit: own.get(limit, "1" if limit in COUNTS else "1s") for limit in LIMITS}
    lines = "".join(f"  {limit}: {value}\n" for limit, value in said.items())
    for formula in SERVICE_LEVELS:
        assert parse_policy(f"service_level: {formula}\nlimits:\n{lines}".encode(), "p").service_level == formula
    sale = "periods: {name: x, from: 2026-11-11, until: 2026-11-12}\n"
    for clock in (*CLOCKS, *DUTIES):
        words = [name for name in CONDITIONS if clock in DUTIES or name not in OF_CASES]
        conditions = ", ".join(f"{name}: x" for name in words)
        limit = "limit: due" if clock == "promise" else "limit: 1s, hours: office"
        text = f"{sale}limits: {{{clock}: {{{limit}, warn_at: none, {conditions}}}}}"
        (found,) = (line for line in parse_policy(text.encode(), "p").lines if line.limit == clock)
        assert (set(found.when), found.warn_permille) == (set(words), 0)


# The READMEs.


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readmes_policy_is_sound_and_their_table_lists_every_limit(name: str) -> None:
    text = (Path(__file__).parents[2] / name).read_text("utf-8")
    first, *others = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(parse_policy(first.encode(), name).periods) == 1
    for example in others:
        parse_policy(example.encode(), name)
    table = text[text.index("| `wait` |") :].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(LIMITS)
    assert all(f"`{condition}`" in text for condition in CONDITIONS)
    assert f"{LINES_MAX:,}" in text
    assert f"{FILE_BYTES_MAX >> 10} KiB" in text
