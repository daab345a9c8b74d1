"""The catalogue of commitments beside what watches each: where it is computed, which figure tells it, what is raised by default, and
the test that shows it.

Owns the table of CATALOGUE.md, which `python -m tests.catalogue` prints. A test demands that no cell is empty and that
everything named is there.
"""

from dataclasses import dataclass

__all__ = ["ROWS", "Row", "table"]

CLOCKS, LIVES, POLICY = "engine/clocks.py", "engine/lives.py", "engine/policy.py"
T_CLOCKS, T_CASES, T_QUALITY = "engine/test_clocks", "engine/test_cases", "engine/test_quality"
T_CONDITIONS = "engine/test_conditions"
NOTHING = "nothing·无"


@dataclass(frozen=True)
class Row:
    """`where`: files of ours. `figures`: fields, columns of the report, or keys of `/api/v1/now`. `raised`: limits, conditions and
    grades of the default policy, by name, or in words of both languages where nothing can be. `tests`: file and name."""

    id: str
    english: str
    chinese: str
    where: tuple[str, ...]
    figures: tuple[str, ...]
    raised: tuple[str, ...]
    tests: tuple[str, ...]


def _row(id_: str, english: str, chinese: str, where: str, figures: str, raised: str, *tests: str) -> Row:
    return Row(id_, english, chinese, tuple(where.split()), tuple(figures.split()), tuple(raised.split()), tests)


ROWS = (
    _row("C1", "first reply on instant channels, any and human", "即时渠道首次响应：任何回复与人工回复", f"{CLOCKS} engine/responses.py",
         "first_response_count first_response_p95_s first_reply_breaches first_human_reply_breaches", "first_reply first_human_reply",
         f"{T_CLOCKS}::the_first_reply_of_any_kind_and_that_of_a_person_have_clocks_of_their_own"),
    _row("C2", "average response over every turn", "每一轮的平均响应时间", f"{LIVES} engine/responses.py",
         "response_mean_s response_p95_s next_reply_breaches", "next_reply response_slow",
         f"{T_CLOCKS}::every_turn_after_the_first_reply_has_its_own_clock",
         "engine/test_responses::the_average_response_is_over_every_turn_from_its_first_message"),
    _row("C3", "phone answered", "电话接起", CLOCKS, "asa_s wait_answered_p95_s wait_breaches", "wait",
         f"{T_CLOCKS}::a_wait_is_warned_of_at_its_share_and_broken_at_its_limit_with_no_event_at_all"),
    _row("C4", "announcement for who waits on the phone", "电话等待提示", CLOCKS, "announcements announcement_breaches", "announcement",
         f"{T_CLOCKS}::each_announcement_that_a_waiting_caller_misses_is_a_breach"),
    _row("C5", "messages and e-mail in working hours; automatic reply outside of them", "留言与邮件按工作时间；非工作时间自动回复",
         f"{CLOCKS} engine/calendars.py", "first_human_reply_breaches automatic_reply_breaches", "first_human_reply automatic_reply",
         f"{T_CLOCKS}::a_clock_of_working_hours_stands_still_while_they_are_closed",
         f"{T_CLOCKS}::who_writes_outside_of_the_hours_is_owed_an_automatic_reply_at_once"),
    _row("C6", "waiting too long in any queue", "任何队列中等待过久", CLOCKS, "wait_breaches longest_wait_s", "wait longest_wait_high",
         f"{T_CLOCKS}::a_wait_is_warned_of_at_its_share_and_broken_at_its_limit_with_no_event_at_all"),
    _row("C7", "handed on too often", "转接过多", LIVES, "transfers transfers_breaches", "transfers",
         "engine/test_repeats::a_contact_handed_on_three_times_is_raised_with_who_handed_it_on"),
    _row("C8", "share of replies within the benchmark, and the gap to it", "达到行业基准的回复占比与差距", f"{LIVES} engine/ratios.py",
         "benchmark_share benchmark_gap_s", "benchmark", "engine/test_figures::the_share_of_replies_within_the_benchmark_and_the_gap_to_it"),
    _row("C9", "queue depth, longest wait, arrivals, answered, abandoned", "排队、最长等待、进线、接起、放弃", "engine/live.py engine/tallies.py",
         "waiting longest_wait_s offered answered abandoned", "queue_long longest_wait_high abandonment_high",
         "engine/test_service_level::an_offer_at_7_28_answered_at_7_32_counts_where_it_arrived_and_where_it_happened"),
    _row("C10", "service level by named formula", "按指定公式的服务水平", "engine/measures.py", "service_level", "target short service_level_low",
         "engine/test_service_level::a_hundred_calls_give_four_figures"),
    _row("C11", "marketplaces' own rates", "各平台考核指标", "engine/responses.py engine/definitions.py",
         "taobao_3min_human_rate_rate jd_first_30s_rate_rate", "measures",
         "engine/test_responses::taobao_counts_several_questions_from_the_first_and_no_automatic_reply",
         "engine/test_responses::jd_leaves_a_session_out_by_when_it_starts_alone"),
    _row("C12", "promise kept in time", "承诺按时兑现", "engine/promises.py", "promises_made promises_kept promises_kept_in_time promise_breaches",
         "promise", "engine/test_promises::a_promise_is_warned_of_at_its_share_and_broken_at_its_own_instant"),
    _row("C13", "closed although unresolved", "未解决即关闭", LIVES, "unresolved unresolved_breaches", "unresolved",
         "engine/test_repeats::a_contact_closed_unresolved_is_raised_and_one_of_which_nothing_is_said_is_not"),
    _row("C14", "repeat contact", "重复来访", "engine/repeats.py", "repeat_contacts repeats_breaches", "repeats",
         "engine/test_repeats::the_same_customer_with_the_same_problem_within_a_day_is_a_repeat"),
    _row("C15", "unanswered conversations, agents' load and overload", "未回复会话、坐席并发与超载", "engine/agents.py engine/present.py",
         "load overloaded due", "agents_overloaded unreplied_many", f"{T_CONDITIONS}::overloaded_agents_and_unanswered_conversations_are_counted_and_raised"),
    _row("C16", "ordinary complaint", "一般投诉", "engine/cases.py engine/duties.py", "case_respond_breaches case_resolve_breaches",
         "case_respond case_resolve", f"{T_CASES}::each_kind_is_answered_and_resolved_within_its_own_time"),
    _row("C17", "serious complaint", "重大投诉", "engine/cases.py engine/duties.py", "case_respond_breaches case_resolve_breaches",
         "case_respond case_resolve", f"{T_CASES}::each_kind_is_answered_and_resolved_within_its_own_time"),
    _row("C18", "outage of the service system", "服务系统故障", "engine/cases.py engine/duties.py", "case_respond_breaches case_resolve_breaches",
         "case_respond case_resolve", f"{T_CASES}::an_answer_after_its_time_repairs_nothing"),
    _row("C19", "media and public opinion, clusters of complaints", "舆情与集中投诉", "engine/cases.py engine/duties.py",
         "case_respond_breaches case_resolve_breaches", "case_respond case_resolve",
         f"{T_CASES}::a_cluster_of_complaints_is_answered_within_four_hours"),
    _row("C20", "exception reported to the supervisor", "异常上报主管", "engine/cases.py", "case_report_breaches", "case_report",
         f"{T_CASES}::an_exception_is_reported_within_ten_minutes_and_a_complex_one_within_five"),
    _row("C21", "exception verified", "异常核实", "engine/cases.py", "case_verify_breaches", "case_verify",
         f"{T_CASES}::what_was_reported_is_verified_within_half_an_hour"),
    _row("C22", "customer told of the outcome; follow-up call", "告知客户结果；回访", "engine/cases.py", "case_inform_breaches case_follow_up_breaches",
         "case_inform case_follow_up", f"{T_CASES}::the_customer_is_told_and_called_within_a_day_of_the_resolution"),
    _row("C23", "review held", "复盘", "engine/cases.py", "case_review_breaches", "case_review",
         f"{T_CASES}::a_review_is_held_within_a_week_and_of_an_emergency_within_two_days"),
    _row("C24", "grade of the event, raised by itself", "事件等级，自动升级", "engine/cases.py", "cases", "grades",
         f"{T_CASES}::an_outage_becomes_major_at_one_hour_with_no_event_at_all"),
    _row("C25", "department responsible named", "责任部门", "engine/cases.py engine/worklist.py", "cases", "case_respond",
         f"{T_CASES}::every_case_and_every_alarm_of_it_names_the_department_responsible"),
    _row("C26", "logistics answers", "物流回复", "engine/duties.py", "case_respond_breaches", "case_respond",
         f"{T_CASES}::each_kind_is_answered_and_resolved_within_its_own_time"),
    _row("C27", "R&D answers", "研发回复", "engine/duties.py", "case_respond_breaches", "case_respond",
         f"{T_CASES}::each_kind_is_answered_and_resolved_within_its_own_time"),
    _row("C28", "joint order: each party reports progress", "联合工单：各方汇报进展", "engine/cases.py", "case_progress_breaches", "case_progress",
         f"{T_CASES}::each_party_of_a_joint_order_reports_every_two_hours_on_a_clock_of_its_own"),
    _row("C29", "orders open, in progress, near their limit, overdue", "工单：未结、处理中、临期、超期", "engine/worklist.py", "cases cases_opened cases_resolved",
         "case_resolve", f"{T_CASES}::orders_are_shown_by_where_they_stand_and_warned_of_before_they_are_over"),
    _row("C30", "high priority told at once", "高优先级立即通知", "engine/cases.py", "cases", "case_respond",
         f"{T_CASES}::high_priority_is_told_at_once_with_its_owner_and_only_once"),
    _row("C31", "a case traced through its departments", "跨部门追踪", "engine/cases.py engine/worklist.py", "cases", "case_resolve",
         f"{T_CASES}::a_case_is_traced_through_its_departments_with_the_time_each_one_held_it"),
    _row("C32", "customer satisfaction", "客户满意度", "engine/ratios.py", "csat_share csat_count", "csat_low", f"{T_CONDITIONS}::satisfaction_below_nine_in_ten_is_raised"),
    _row("C33", "net promoter score", "净推荐值", "engine/ratios.py", "nps", "nps_low", f"{T_CONDITIONS}::a_net_promoter_score_below_forty_is_raised"),
    _row("C34", "first- and second-contact resolution", "首次与二次解决率", "engine/repeats.py engine/ratios.py",
         "first_contact_resolution second_contact_resolution", "first_contact_resolution_low second_contact_resolution_low",
         "engine/test_repeats::resolution_is_told_apart_for_first_contacts_and_for_repeats",
         "engine/test_figures::too_few_first_contacts_resolved_are_raised"),
    _row("C35", "complaints per 1,000 orders", "每千单投诉", "engine/ratios.py", "complaints_per_1000_orders", "complaints_high complaints_very_high",
         "engine/test_figures::complaints_by_a_thousand_orders_are_raised_above_ten_and_again_above_twenty"),
    _row("C36", "critical errors and passes of quality checks", "质检致命错误率与合格率", "engine/quality.py engine/ratios.py",
         "critical_error_rate pass_rate", "critical_errors_high pass_rate_low", f"{T_QUALITY}::checks_are_counted_by_what_they_found",
         "engine/test_figures::critical_errors_of_more_than_one_check_in_fifty_are_raised"),
    _row("C37", "quality sample drawn", "质检抽样", "engine/quality.py engine/ratios.py", "quality_share", "quality_sample_low",
         f"{T_QUALITY}::checks_are_counted_by_what_they_found"),
    _row("C38", "coaching after an error", "差错后辅导", "engine/quality.py", "coachings coaching_breaches", "coaching",
         f"{T_QUALITY}::a_critical_error_makes_coaching_due_in_a_day_and_another_in_three"),
    _row("C39", "failed checks in a row", "连续质检不合格", "engine/quality.py", "failed_checks_breaches", "failed_checks",
         f"{T_QUALITY}::the_third_check_failed_in_a_row_is_raised_and_makes_coaching_due"),
    _row("C40", "customers invited to rate; call back after a bad rating", "邀评率；低分回访", "engine/ratings.py engine/ratios.py",
         "invited_share rated_low call_back_breaches", "call_back invited_low", f"{T_QUALITY}::who_rated_low_is_called_back_within_a_day"),
    _row("C41", "fluctuation and control charts", "过程波动与控制图", "engine/control.py", "conditions", "handling_out_of_control handling_wavers",
         f"{T_CONDITIONS}::a_process_outside_of_its_control_limits_is_signalled"),
    _row("C42", "negative words", "负面言辞", "engine/lives.py engine/usual.py", "negative_share", "negative_words_surge",
         "streams/test_negative::the_same_message_counts_as_negative_when_posted_and_when_replayed", f"{T_CONDITIONS}::negative_words_beyond_their_usual_share_are_raised"),
    _row("C43", "issue categories and the surge of one", "问题类别及其激增", "engine/usual.py", "conditions", "category_surge", f"{T_CONDITIONS}::a_surge_of_one_category_is_raised"),
    _row("C44", "team reward line", "团队奖励线", "engine/conditions.py", "first_contact_resolution csat_share", "reward_line_missed",
         f"{T_CONDITIONS}::a_team_below_either_part_of_the_reward_line_misses_it"),
    _row("C45", "business beside service", "业务数据", "engine/ratios.py", "orders order_amount orders_per_contact order_amount_mean",
         "complaints_high", "engine/test_figures::orders_stand_beside_the_contacts_of_their_shop"),
    _row("C46", "repeated misses of an agent", "坐席多次违约", "engine/misses.py", "misses_breaches", "misses",
         f"{T_QUALITY}::the_third_contact_of_an_agent_with_a_broken_limit_in_a_day_is_raised"),
    _row("C47", "every number by shop, queue, region, partner, class of customer", "所有数字可按店铺、队列、区域、合作方、客户类别查看", "engine/tallies.py dashboards/wall/scopes.py",
         "offered service_level waiting", NOTHING, "dashboards/test_scopes::the_whole_of_one_shop_is_its_own_row_and_that_of_several_has_no_shares"),
    _row("C48", "shops are kept apart", "店铺之间相互隔离", "streams/access.py dashboards/wall/scopes.py", "offered alarms", NOTHING,
         "streams/test_access::a_viewer_of_one_shop_sees_nothing_of_another", "dashboards/test_scopes::whatever_happens_in_another_shop_a_reader_gets_the_same"),
    _row("C49", "key accounts and VIPs: own targets, first on every list", "大客户与 VIP：单独目标，列表优先", f"{POLICY} engine/nearest.py engine/worklist.py",
         "due cases", "wait", "engine/test_nearest::key_accounts_and_vips_come_first_however_much_time_they_have_left",
         "engine/test_policy::the_line_with_more_conditions_holds"),
    _row("C50", "sale periods switch targets by date", "大促时段按日期切换目标", f"{POLICY} {CLOCKS}", "breaches", "wait",
         f"{T_CLOCKS}::what_begins_in_a_sale_is_held_to_the_limits_of_the_sale"),
    _row("C51", "four thousand agents on one machine, more on more", "单机支持四千坐席，更多则多机", "streams/embedded.py streams/kafka/worker.py", "load present", NOTHING,
         "browser/test_wall::every_page_fits_its_screen_and_is_in_one_language", "kafka/test_kills::an_hour_while_one_worker_becomes_three_gives_the_report_of_replay"),
    _row("C52", "volume surge against the usual", "进线量相对常态激增", "engine/usual.py streams/capacity/surges.py", "conditions", "volume_surge", f"{T_CONDITIONS}::more_contacts_than_usual_at_this_hour_are_raised_before_the_hour_is_over",
         "capacity/test_expected::a_surge_is_what_the_forecast_did_not_expect_and_is_told_once_and_ended_once"),
    _row("C53", "agents needed against agents present, and what is about to break", "所需坐席与在岗坐席对比，即将违约的队列", "engine/capacity/outlook.py streams/capacity/live.py",
         "capacity", "queue_breaking", "capacity/test_outlook::the_early_warning_names_four_of_five_quarters_that_break_ten_minutes_before_they_do",
         "capacity/test_outlook::the_running_service_tells_who_is_missing_and_who_is_planned"),
    _row("C54", "occupancy too high or too low", "利用率过高或过低", "engine/agents.py", "occupancy", "occupancy_high occupancy_low", f"{T_CONDITIONS}::half_an_hour_of_too_much_or_too_little_work_is_raised"),
    _row("C55", "the monitor watches itself", "监控自身", "engine/watch.py streams/sources.py", "conditions sources blind", "source_silent source_overdue source_refused blind",
         f"{T_CONDITIONS}::a_source_that_falls_silent_while_time_goes_on_is_raised_and_ends_when_it_speaks",
         "streams/test_sources::a_running_service_says_that_it_is_blind_and_when_it_sees_again"),
    _row("C56", "service report by day, week and month", "日报、周报、月报", "streams/reports/gathering.py streams/history/store.py streams/reports/mailer.py", "offered service_level asa_s", NOTHING,
         "history/test_reports::the_figures_of_the_page_are_those_of_the_table", "history/test_mailing::a_running_service_sends_what_became_due_while_none_ran"),
    _row("C57", "every alert has its story", "每个告警均有完整经过", "alerts/pages.py alerts/store.py", "alarms", NOTHING, "alerts/test_routes::a_person_of_the_plan_acts_and_the_story_tells_it"),
    _row("C58", "a policy tried on yesterday's events", "用昨日事件试跑策略", "streams/policy/trial.py", "old new same comes goes moves", "policy-try",
         "streams/test_policy_command::the_counts_are_those_of_two_replays"),
    _row("C59", "customers' identities nowhere", "任何地方都不出现客户身份", "engine/screening.py streams/intake.py", "offered", NOTHING,
         "streams/test_privacy::what_customers_are_called_and_wrote_is_kept_and_told_nowhere"),
    _row("C60", "Chinese and English", "中英文齐全", "dashboards/wall/page/chinese.js streams/reports/words.py", "offered", NOTHING,
         "browser/test_wall::both_languages_have_the_same_words", "history/test_reports::both_languages_have_the_same_words"),
)  # fmt: skip


def table() -> str:
    """The table as Markdown."""
    lines = [
        "| | commitment | 承诺 | computed in | figures | raised by default | shown by |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        cells = [" ".join(f"`{word}`" for word in words) for words in (row.where, row.figures, row.raised)]
        tests = "<br>".join(f"`tests/{test.replace('::', '.py::test_')}`" for test in row.tests)
        lines.append(f"| {row.id} | {row.english} | {row.chinese} | {' | '.join(cells)} | {tests} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
