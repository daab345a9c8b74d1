"""The words of the report's page, in English and Chinese.

Owns every word that a person reads there. Law: both languages have the same keys; a test compares them.
"""

from typing import Any

__all__ = ["WORDS"]

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "language": "English", "title": "Service report", "by": "by {}", "all": "the whole centre", "before": "period before: {}", "made": "figures kept for {} of the range; corrected {} times",
        "none": "no data", "trend": "Trend", "now": "this period", "then": "period before", "heat": "By weekday and hour", "days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        "worst": "Worst first", "more": "{} further groups are in the table as CSV or JSON.", "promises": "Promises", "broken": "Broken commitments", "nothing_broken": "No commitment was broken.", "promised": "Promises to customers",
        "made_n": "made", "kept_n": "kept", "in_time": "kept in time", "reward": "Reward line", "reached": "reached", "missed": "missed", "reward_told": "first-contact resolution of 92 % and satisfaction of 94 % together",
        "benchmark": "Benchmark", "benchmark_told": "replies within the policy's benchmark", "gap": "gap on average", "total": "in all", "formula": "service level: {}", "change": "against the period before", "group": "group",
        "footer": "Every share and mean is divided from summed figures, by the same table as the wall's. “No data” is never a zero.",
        "dimensions": {"queue": "queue", "tenant": "shop", "channel": "channel", "category": "category", "region": "region"},
        "figures": {"offered": "Arrivals", "answered": "Answered", "service_level": "Service level", "abandonment_rate": "Abandonment", "asa_s": "Speed of answer", "first_response_mean_s": "First human reply", "response_mean_s": "Each reply", "aht_s": "Handle time",
                    "occupancy": "Occupancy", "csat_share": "Satisfaction", "first_contact_resolution": "First-contact resolution", "breaches": "Breaches"},
        "commitments": {"wait": "wait", "first_reply": "first reply", "first_human_reply": "first human reply", "next_reply": "next reply", "announcement": "announcement", "automatic_reply": "automatic reply", "transfers": "transfers", "unresolved": "closed unresolved",
                        "repeats": "repeat contacts", "failed_checks": "failed checks in a row", "misses": "repeated misses", "case_respond": "case: response", "case_resolve": "case: resolution", "case_report": "case: report", "case_verify": "case: verification", "case_progress": "case: progress",
                        "case_inform": "case: customer informed", "case_follow_up": "case: follow-up", "case_review": "case: review", "promise": "promise", "coaching": "coaching", "call_back": "call back"},
        "every": {"day": "Daily service report", "week": "Weekly service report", "month": "Monthly service report"}, "attached": "The whole report is attached; it opens in a browser without a network.",
        "units": {"s": "s", "m": "min", "h": "h"},
        "formulas": {"answered_of_ended": "answered in target ÷ (answered + abandoned)", "answered_of_answered": "answered in target ÷ answered", "answered_of_ended_less_abandoned_in_target": "answered in target ÷ (answered + abandoned − abandoned in target)",
                     "answered_of_ended_less_short": "answered in target ÷ (answered + abandoned − short ones)", "answered_or_abandoned_in_target_of_ended": "(answered + abandoned in target) ÷ (answered + abandoned)", "answered_or_short_of_ended": "(answered in target + short ones) ÷ (answered + abandoned)"},
    },
    "zh": {
        "language": "中文", "title": "服务报告", "by": "按{}", "all": "全中心", "before": "上一周期：{}", "made": "该区间已保存 {} 的数据；更正 {} 次",
        "none": "无数据", "trend": "趋势", "now": "本期", "then": "上期", "heat": "按星期与小时", "days": ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
        "worst": "最差在前", "more": "另有 {} 组，见 CSV 或 JSON 表格。", "promises": "承诺", "broken": "违约的承诺", "nothing_broken": "没有违约。", "promised": "对客承诺",
        "made_n": "作出", "kept_n": "兑现", "in_time": "按时兑现", "reward": "奖励线", "reached": "达到", "missed": "未达到", "reward_told": "首次解决率 92% 且满意度 94%",
        "benchmark": "行业基准", "benchmark_told": "回复在策略基准时间内的占比", "gap": "平均差距", "total": "合计", "formula": "服务水平：{}", "change": "较上期", "group": "分组",
        "footer": "所有占比与均值都由合计数相除得出，与看板所用公式相同。“无数据”绝不等于零。",
        "dimensions": {"queue": "队列", "tenant": "店铺", "channel": "渠道", "category": "类别", "region": "地区"},
        "figures": {"offered": "进线", "answered": "接起", "service_level": "服务水平", "abandonment_rate": "放弃率", "asa_s": "平均应答速度", "first_response_mean_s": "人工首次响应", "response_mean_s": "每次响应", "aht_s": "平均处理时长",
                    "occupancy": "占用率", "csat_share": "满意度", "first_contact_resolution": "首次解决率", "breaches": "违约次数"},
        "commitments": {"wait": "排队等待", "first_reply": "首次回复", "first_human_reply": "人工首次回复", "next_reply": "后续回复", "announcement": "等待播报", "automatic_reply": "自动回复", "transfers": "转接次数", "unresolved": "未解决即关闭",
                        "repeats": "重复进线", "failed_checks": "质检连续不合格", "misses": "多次未达标", "case_respond": "事件：首次响应", "case_resolve": "事件：解决", "case_report": "事件：上报", "case_verify": "事件：核实", "case_progress": "事件：进度通报",
                        "case_inform": "事件：告知客户", "case_follow_up": "事件：回访", "case_review": "事件：复盘", "promise": "对客承诺", "coaching": "辅导", "call_back": "低分回访"},
        "every": {"day": "服务日报", "week": "服务周报", "month": "服务月报"}, "attached": "完整报告见附件，用浏览器打开，无需网络。",
        "units": {"s": "秒", "m": "分", "h": "小时"},
        "formulas": {"answered_of_ended": "目标内接起 ÷（接起 + 放弃）", "answered_of_answered": "目标内接起 ÷ 接起", "answered_of_ended_less_abandoned_in_target": "目标内接起 ÷（接起 + 放弃 − 目标内放弃）",
                     "answered_of_ended_less_short": "目标内接起 ÷（接起 + 放弃 − 短时放弃）", "answered_or_abandoned_in_target_of_ended": "（目标内接起 + 目标内放弃）÷（接起 + 放弃）", "answered_or_short_of_ended": "（目标内接起 + 短时放弃）÷（接起 + 放弃）"},
    },
}  # fmt: skip
