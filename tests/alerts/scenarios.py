"""The table of scenarios: what comes in and what must come out, and nothing else. How a line is read: see playing."""

from tests.alerts.playing import Scenario

__all__ = ["SCENARIOS"]

SCENARIOS = (
    Scenario("a breach is told to the first level at once", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
    """),
    Scenario("nobody acts and it climbs level by level, and stops at the top", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        05:00 > sup climbed
        15:00 > man climbed
        03:00:00 nothing
    """),
    Scenario("a reply just before a climb cancels it", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        04:59 ended wait c-1 queue=sales
        30:00 nothing
    """),
    Scenario("a reply in the instant of a climb cancels it", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        04:59 down sup
        05:00 ended wait c-1 queue=sales
        30:00 nothing
    """, replaced=(("wait: 5m}, {to: [sup]", "wait: 5m1s}, {to: [sup]"),)),
    Scenario("a reply just after a climb stops the next one", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        05:00 > sup climbed
        05:01 ended wait c-1 queue=sales
        60:00 nothing
    """),
    Scenario("an acknowledgement between two levels stops the climb", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 ack lead
        20:00 ended wait c-1 queue=sales
        60:00 nothing
    """),
    Scenario("an acknowledgement holds only until its own limit, then the next level hears", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 ack lead
        33:00 > sup lapsed
        43:00 > man climbed
    """),
    Scenario("an acknowledgement at the top lapses to the top", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        05:00 > sup climbed
        15:00 > man climbed
        16:00 ack man
        46:00 > man lapsed
        47:00 ack man
        77:00 > man lapsed
    """),
    Scenario("a second acknowledgement takes it over", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 ack lead
        02:00 ack sup
        32:00 > sup lapsed
    """),
    Scenario("a snooze is over and the same level hears again", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 snooze lead 20m
        21:00 > lead lapsed
        26:00 > sup climbed
    """),
    Scenario("a snooze is never longer than the plan allows", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 snooze lead 20h
        11:00 > lead lapsed
    """, more="snooze_max: 10m\n"),
    Scenario("what ends while snoozed is told nobody again", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 snooze lead 20m
        10:00 ended wait c-1 queue=sales
        60:00 nothing
    """),
    Scenario("handed over, the other one hears, and the climb goes on from there", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 hand lead wang
        01:00 > wang handed
        06:00 > sup climbed
    """),
    Scenario("handed over and acknowledged by the other one, it rests", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 hand lead wang
        01:00 > wang handed
        02:00 ack wang
        30:00 nothing
    """),
    Scenario("handed over to nobody we know changes nothing", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 hand lead stranger
        05:00 > sup climbed
    """),
    Scenario("resolved by hand it is over, and comes back as the same alert when raised again", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 resolve lead
        06:00 broken wait c-2 queue=sales
        06:00 > lead reopened
    """),
    Scenario("an acknowledgement after the end changes nothing", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 ended wait c-1 queue=sales
        02:00 ack lead
        60:00 nothing
    """),
    Scenario("a hundred breaches of one cause are one alert with a count", """
        00:00 broken wait c queue=sales ×100
        00:00 > lead opened=100
        05:00 > sup climbed=100
    """),
    Scenario("an alert that grows tenfold is told again, once for each tenfold", """
        00:00 broken wait a queue=sales
        00:00 > lead opened
        00:10 broken wait b queue=sales ×5
        00:20 broken wait c queue=sales ×10
        00:20 > lead grown=16
        00:30 broken wait d queue=sales ×50
    """),
    Scenario("an alert storm of 10,000 in twenty queues reaches the leader as one digest", "00:00 nothing\n" + "\n".join(
        f"00:00 broken wait c{place} queue=q{place} ×500" for place in range(20)
    ) + """
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:00 > lead opened=500
        00:06 > lead digest:10
        01:00 nothing
    """),
    Scenario("a storm of 6,000 that comes at once in one queue is one message", """
        00:00 broken wait c queue=sales ×6000
        00:00 > lead opened=5000
        04:00 nothing
    """),
    Scenario("two queues are two alerts", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        00:00 broken wait c-2 queue=refunds
        00:00 > lead opened
    """),
    Scenario("the same alarm delivered twice is one", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        00:00 broken wait c-1 queue=sales
        04:00 nothing
    """),
    Scenario("part of the cause ends, the rest still climbs", """
        00:00 broken wait a queue=sales
        00:00 > lead opened
        00:10 broken wait b queue=sales
        01:00 ended wait a queue=sales
        05:00 > sup climbed=2
    """),
    Scenario("all of the cause ends and nobody more is told", """
        00:00 broken wait c queue=sales ×3
        00:00 > lead opened=3
        01:00 ended wait c queue=sales ×3
        60:00 nothing
    """),
    Scenario("a warning by itself is told nobody where the plan says so", """
        00:00 warned wait c-1 queue=sales
        60:00 nothing
    """),
    Scenario("what was warned of and is broken is told once", """
        00:00 warned case_resolve k-1 about=case owner=wang
        00:00 > wang opened
        02:00 broken case_resolve k-1 about=case owner=wang
        02:00 > wang worse
        07:00 > lead climbed
    """),
    Scenario("a wait before telling lets short breaches pass", """
        00:00 broken next_reply c-1 queue=sales
        00:29 ended next_reply c-1 queue=sales
        10:00 nothing
    """),
    Scenario("after the wait before telling the first level hears", """
        00:00 broken next_reply c-1 queue=sales
        00:30 > lead opened
        05:30 > sup climbed
    """),
    Scenario("during the wait before telling what comes is gathered", """
        00:00 broken next_reply a queue=sales
        00:10 broken next_reply b queue=sales
        00:30 > lead opened=2
    """),
    Scenario("an acknowledgement before anybody was told keeps it quiet", """
        00:00 broken next_reply c-1 queue=sales
        00:10 ack sup
        20:00 nothing
    """),
    Scenario("the service level recovers and stays so: resolved after a while, told to who was told", """
        00:00 broken service_level_low sales about=group queue=sales
        00:00 > lead opened
        03:00 ended service_level_low sales about=group queue=sales
        05:00 > lead ended
    """),
    Scenario("the service level recovers only for a moment: the same alert goes on", """
        00:00 broken service_level_low sales about=group queue=sales
        00:00 > lead opened
        03:00 ended service_level_low sales about=group queue=sales
        04:00 broken service_level_low sales about=group queue=sales
        05:00 > sup climbed
    """),
    Scenario("while the service level has recovered nobody more is told, and after a relapse the level's wait begins anew", """
        00:00 broken service_level_low sales about=group queue=sales
        00:00 > lead opened
        04:00 ended service_level_low sales about=group queue=sales
        05:30 broken service_level_low sales about=group queue=sales
        10:30 > sup climbed
    """),
    Scenario("flapping is damped: the third return within the hour is told only when it lasts", """
        00:00 broken wait a queue=sales
        00:00 > lead opened
        01:00 ended wait a queue=sales
        02:00 broken wait b queue=sales
        02:00 > lead reopened
        03:00 ended wait b queue=sales
        04:00 broken wait c queue=sales
        04:00 > lead reopened
        05:00 ended wait c queue=sales
        06:00 broken wait d queue=sales
        07:00 ended wait d queue=sales
        08:00 broken wait e queue=sales
        13:00 > lead reopened
    """),
    Scenario("what comes back long after its end is a new alert", """
        00:00 broken wait a queue=sales
        00:00 > lead opened
        01:00 ended wait a queue=sales
        20:00 broken wait b queue=sales
        20:00 > lead opened
    """),
    Scenario("what never ends expires", """
        00:00 broken transfers c-1 queue=sales
        00:00 > lead opened
        05:00 > sup climbed
        15:00 > man climbed
        24:00:00 nothing
        24:30:00 broken transfers c-2 queue=sales
        24:30:00 > lead opened
    """),
    Scenario("a case goes to its owner first, and to its department", """
        00:00 broken case_respond k-1 about=case owner=li department=after-sales
        00:00 > li opened
        00:00 > wang opened
        05:00 > lead climbed
    """),
    Scenario("a case whose owner nobody knows goes to the next level at once", """
        00:00 broken case_respond k-1 about=case owner=stranger
        00:00 > lead opened
        10:00 > sup climbed
    """),
    Scenario("a major case goes to the supervisor, and to the manager, and again", """
        00:00 broken case_resolve k-1 about=case grade=major
        00:00 > sup opened
        10:00 > man climbed
        20:00 > sup repeated
        30:00 > man climbed
        02:00:00 nothing
    """),
    Scenario("an extraordinary case goes to the manager, who hears when it ends", """
        00:00 broken grade k-1 about=case grade=extraordinary
        00:00 > man opened
        02:00 ended grade k-1 about=case grade=extraordinary
        02:00 > man ended
    """),
    Scenario("a case that becomes major leaves the team leader's alert with the supervisor's", """
        00:00 broken case_resolve k-1 about=case
        00:00 > lead opened
        01:00 broken grade k-1 about=case grade=major
        01:00 > sup opened
    """),
    Scenario("a key account goes its own way", """
        00:00 broken wait c-1 queue=sales tier=ka
        00:00 > sup opened
        01:00 ended wait c-1 queue=sales tier=ka
        01:00 > sup ended
    """),
    Scenario("in quiet hours a warning is held, the next level hears instead, and in the morning it is told if it still holds", """
        00:00 warned case_resolve k-1 about=case owner=li
        00:00 > lead climbed
        10:00 > sup climbed
        08:00:00 > li opened
    """, start="2026-03-02T23:00:00+08:00"),
    Scenario("what was held in quiet hours and is over by the morning is told nobody", """
        00:00 warned case_resolve k-1 about=case owner=li
        00:00 > lead climbed
        01:00 ended case_resolve k-1 about=case
        09:00:00 nothing
    """, start="2026-03-02T23:00:00+08:00"),
    Scenario("what is critical comes in quiet hours too", """
        00:00 broken case_resolve k-1 about=case owner=li
        00:00 > li opened
    """, start="2026-03-02T23:00:00+08:00"),
    Scenario("a mute by time keeps what it names quiet until it ends", """
        00:00 broken wait c-1 queue=training
        00:00 broken wait c-2 queue=sales
        00:00 > lead opened
        02:00 ended wait c-2 queue=sales
        30:00 > lead opened
    """, more="mutes: [{name: training, when: {queue: training}, until: 2026-03-02 10:30, reason: practice}]\n"),
    Scenario("what ends while muted is told nobody", """
        00:00 broken wait c-1 queue=training
        20:00 ended wait c-1 queue=training
        60:00 nothing
    """, more="mutes: [{name: training, when: {queue: training}, until: 2026-03-02 10:30}]\n"),
    Scenario("a mute of each week holds in its hours only", """
        00:00 broken wait c-1 queue=batch
        20:00 > lead opened
    """, more="mutes: [{name: nightly, when: {queue: batch}, hours: '09:50-10:20'}]\n"),
    Scenario("a mute that begins stops the climb until it ends", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        10:00 > sup climbed
    """, more="mutes: [{name: drill, from: 2026-03-02 10:04, until: 2026-03-02 10:10}]\n"),
    Scenario("restart during a climb: the climb that was due while it was down happens at once", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 stop
        08:00 start
        08:00 > sup climbed
        18:00 > man climbed
    """),
    Scenario("restart before a climb is due changes nothing", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 stop
        03:10 start
        05:00 > sup climbed
    """),
    Scenario("an acknowledgement is remembered over a restart, and so is its limit", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 ack lead
        04:00 stop
        40:00 start
        40:00 > sup lapsed
    """),
    Scenario("a reply that came while it was down resolves before anything is told", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        03:00 kill
        08:00 start
        08:00 ended wait c-1 queue=sales
        60:00 nothing
    """, replaced=(("wait: 5m}, {to: [sup]", "wait: 8m1s}, {to: [sup]"),)),
    Scenario("killed before the channel had the message: it goes by the next channel and says so", """
        00:00 dies before lead
        00:00 broken wait c-1 queue=sales
        01:00 start
        01:00 > lead-mail opened
    """),
    Scenario("killed after the channel had the message: the same channel is not used again for it", """
        00:00 dies after lead
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 start
        01:00 > lead-mail opened
    """),
    Scenario("two hubs side by side tell once", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        05:00 > sup climbed
    """, hubs=2),
    Scenario("two hubs, one killed: the other takes over and climbs in time", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 kill
        05:00 > sup climbed
        15:00 > man climbed
    """, hubs=2),
    Scenario("two hubs, the leading one killed just before a climb: the other is at most a lease late", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        04:59 kill
        05:10 > sup climbed
    """, hubs=2),
    Scenario("two hubs, one stopped in order: the other leads at once", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 stop
        01:05 broken wait c-2 queue=refunds
        01:05 > lead opened
    """, hubs=2),
    Scenario("two hubs, one dies within a sending: the other sends by the next channel, once", """
        00:00 dies after lead
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        00:25 > lead-mail opened
        05:25 nothing
    """, hubs=2, replaced=(("wait: 5m}, {to: [sup]", "wait: 6m}, {to: [sup]"),)),
    Scenario("two hubs, an act told to the one that does not lead", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        01:00 ack lead
        06:00 nothing
    """, hubs=2),
    Scenario("a channel that fails: the person's next one", """
        00:00 down lead
        00:00 broken wait c-1 queue=sales
        00:00 > lead-mail opened
        05:00 > sup climbed
    """),
    Scenario("all channels of the level fail: the next level hears at once, and the first when they work again", """
        00:00 down lead
        00:00 down lead-mail
        00:00 broken wait c-1 queue=sales
        00:00 > sup opened
        00:12 up lead
        00:15 > lead opened
        10:00 > man climbed
    """),
    Scenario("a channel down for ten minutes: tried with growing waits, told as failing, and nothing is lost", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        04:00 down sup
        05:00 > man climbed
        05:15 > man opened
        14:00 up sup
        15:15 > sup climbed
        15:15 > sup repeated
        15:15 > man ended
        15:15 > sup ended
        60:00 nothing
    """),
    Scenario("a channel down until the alert is over: its message is not sent any more", """
        00:00 down lead
        00:00 down lead-mail
        00:00 broken wait c-1 queue=sales
        00:00 > sup opened
        00:12 ended wait c-1 queue=sales
        00:14 up lead
        00:14 up lead-mail
        20:00 nothing
    """),
    Scenario("a person on leave is passed over, the next level hears", """
        00:00 broken wait c-1 queue=sales
        00:00 > sup opened
    """, more="absences: [{person: lead, from: 2026-03-01, until: 2026-03-08}]\n"),
    Scenario("a person on leave has a deputy", """
        00:00 broken wait c-1 queue=sales
        00:00 > wang opened
        05:00 > sup climbed
    """, more="absences: [{person: lead, from: 2026-03-01, until: 2026-03-08, deputy: wang}]\n"),
    Scenario("back from leave, the person is told again", """
        00:00 broken wait c-1 queue=sales
        00:00 > sup opened
        01:00 ended wait c-1 queue=sales
        30:00 broken wait c-2 queue=sales
        30:00 > lead opened
    """, more="absences: [{person: lead, from: 2026-03-01, until: 2026-03-02 10:20}]\n"),
    Scenario("the turn changes between two levels: who has it then hears", """
        00:00 broken wait c-1 queue=sales
        00:00 > li opened
        05:00 > wang climbed
    """, replaced=(("{to: [lead], wait: 5m}, {to: [sup], wait: 10m}", "{to: [floor-duty], wait: 5m}, {to: [floor-duty], wait: 10m}"),),
        more="schedules: {floor-duty: {rotations: [{people: [li, wang], every: 1d, from: 2026-03-01 10:03}]}}\n"),
    Scenario("the daylight-saving night in spring: the turn at 02:30 that does not exist is taken at 03:30", """
        00:00 broken wait a queue=a
        00:00 > man opened
        01:00:00 broken wait b queue=b
        01:00:00 > wang opened
    """, start="2026-03-29T01:30:00+01:00",
        replaced=(("{to: [lead], wait: 5m}, {to: [sup], wait: 10m}, {to: [man], wait: 20m}", "{to: [duty], wait: 2h}"), ("Asia/Shanghai", "Europe/Berlin")),
        more="schedules: {duty: {rotations: [{people: [man, wang], every: 1d, from: 2026-03-28 02:30}]}}\n"),
    Scenario("the daylight-saving night in autumn: quiet hours end by the wall clock, an hour later", """
        00:00 warned case_resolve k-1 about=case owner=li
        00:00 > lead climbed
        10:00 > sup climbed
        09:00:00 > li opened
    """, start="2026-10-24T23:00:00+02:00", replaced=(("Asia/Shanghai", "Europe/Berlin"),)),
    Scenario("a clock that steps back an hour does not hold the climb up", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        02:00 clock -1h
        05:00 > sup climbed
    """),
    Scenario("a clock that steps back while it is down does not hold the climb up either", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        02:00 stop
        02:00 clock -1h
        02:00 start
        05:00 > sup climbed
    """),
    Scenario("a clock that jumps ahead climbs one level, not all", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        02:00 clock +1h
        02:00 > sup climbed
        12:00 > man climbed
    """),
    Scenario("an alarm that arrives late is told when it arrives", """
        00:00 broken wait c-1 queue=sales ago=2h
        00:00 > lead opened
        05:00 > sup climbed
    """),
    Scenario("an end without a beginning changes nothing", """
        00:00 ended wait c-1 queue=sales
        10:00 nothing
    """),
    Scenario("more than a channel may carry is merged, not dropped", """
        00:00 broken wait a queue=a
        00:00 > lead opened
        00:00 broken wait b queue=b
        00:00 > lead opened
        00:00 broken wait c queue=c
        00:00 broken wait d queue=d
        00:30 > lead digest:2
        00:31 nothing
    """, replaced=(('lead: {url: "json://x"}', 'lead: {url: "json://x", per_minute: 4}'),)),
    Scenario("what waits for its channel's turn and ends is not sent", """
        00:00 broken wait a queue=a
        00:00 > lead opened
        00:00 broken wait b queue=b
        00:20 ended wait b queue=b
        04:00 nothing
    """, replaced=(('lead: {url: "json://x"}', 'lead: {url: "json://x", per_minute: 2}'),)),
    Scenario("people who share a channel get one message of one alert", """
        00:00 broken case_respond k-1 about=case owner=lead department=after-sales
        00:00 > lead opened
        05:00 > sup climbed
    """, replaced=(("wang: {channels: [wang], language: en}", "wang: {channels: [lead]}"),)),
    Scenario("a level with hours of its own is passed over outside of them", """
        00:00 broken wait c-1 queue=sales
        00:00 > lead opened
        05:00 > man climbed
    """, replaced=(("{to: [sup], wait: 10m}, {to: [man], wait: 20m}", "{to: [sup], wait: 10m, hours: '18:00-23:00'}, {to: [man], wait: 20m}"),)),
    Scenario("nobody has the duty: the fallback hears", """
        00:00 broken wait c-1 queue=sales
        00:00 > sup opened
        00:00 > man opened
    """, replaced=(("{to: [lead], wait: 5m}, {to: [sup], wait: 10m}, {to: [man], wait: 20m}", "{to: [duty], wait: 9h}"),),
        more="schedules: {duty: {rotations: [{people: [li], from: 2026-03-01, hours: '18:00-20:00'}], fallback: man}}\n"),
)  # fmt: skip
