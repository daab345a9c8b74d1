"""Fourteen call histories as rows of `queue_log`, each with the hourly table that an established statistics package expects of it.

Derived from the acceptance tests of wazo-platform/wazo-acceptance, commit fb4acf893ba053e81a46a46531553ada49a7c56f, the features
statcenter_queue and statcenter_agent: rows and expected figures only, none of its code. Of the eleventh the date is ours, since it is told as within
the last hour; the fourteenth tells its steps in words: log in, wait a second, log off.
"""

from dataclasses import dataclass

__all__ = ["SCENARIOS", "Expected", "Scenario"]

Hours = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Expected:
    """The table of a queue, or of an agent where `queue` is empty: by hour or "Total", columns and what stands there."""

    queue: str
    hours: Hours


@dataclass(frozen=True)
class Scenario:
    name: str
    log: str
    expected: tuple[Expected, ...]


SCENARIOS = (
    Scenario(
        "Statistics for calls distributed to two queues at the boundaries of a xivo-stat deletion limit",
        """2013-11-08 09:53:09.948070|1383900788.167039|q01|NONE|ENTERQUEUE||5555555555|1
2013-11-08 09:53:12.684547|1383900788.167039|q01|Agent/1240|CONNECT|3|1383900789.167040|2
2013-11-08 10:02:30.219402|1383900788.167039|q01|Agent/1240|COMPLETECALLER|3|558|1
2013-11-08 10:02:30.569451|1383900788.167039|q02|NONE|ENTERQUEUE||5555555555|1
2013-11-08 10:02:30.686291|1383900788.167039|q02|Agent/1255|RINGNOANSWER|0
2013-11-08 10:02:32.770339|1383900788.167039|q02|Agent/1246|CONNECT|2|1383901350.167967|2
2013-11-08 10:04:19.485883|1383900788.167039|q02|Agent/1246|COMPLETECALLER|2|107|1
""",
        (
            Expected(
                "q01",
                {
                    "09": {"Received": "1", "Answered": "1"},
                    "10": {"Received": "0", "Answered": "0"},
                    "Total": {"Received": "1", "Answered": "1"},
                },
            ),
            Expected(
                "q02",
                {
                    "09": {"Received": "0", "Answered": "0"},
                    "10": {"Received": "1", "Answered": "1"},
                    "Total": {"Received": "1", "Answered": "1"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for received/answered calls",
        """2012-07-01 08:00:00.000000|received_1|q01|NONE|ENTERQUEUE
2012-07-01 08:00:03.000000|received_1|q01|Agent/001|CONNECT|3
2012-07-01 08:00:06.000000|received_1|q01|Agent/001|COMPLETECALLER|3|6|1
2012-07-01 08:00:00.000001|received_6|q01|NONE|ENTERQUEUE
2012-07-01 08:00:03.000001|received_6|q01|Agent/001|CONNECT|3
2012-07-01 08:00:06.000001|received_6|q01|Agent/001|COMPLETEAGENT|3|6|1
2012-07-01 08:00:00.000001|received_3|q02|NONE|ENTERQUEUE
2012-07-01 08:00:03.000001|received_3|q02|Agent/002|CONNECT|3
2012-07-01 08:00:06.000001|received_3|q02|Agent/002|COMPLETEAGENT|3|6|1
2012-07-01 08:59:59.999999|received_2|q01|NONE|ENTERQUEUE
2012-07-01 08:00:02.999999|received_2|q01|Agent/001|CONNECT|3
2012-07-01 08:00:05.999999|received_2|q01|Agent/001|COMPLETEAGENT|3|5|1
2012-07-01 09:00:00.000000|received_4|q01|NONE|ENTERQUEUE
2012-07-01 08:00:03.000000|received_4|q01|Agent/001|CONNECT|3
2012-07-01 08:00:06.000000|received_4|q01|Agent/001|COMPLETEAGENT|3|4|1
2012-07-01 09:59:59.999999|received_5|q01|NONE|ENTERQUEUE
2012-07-01 08:00:02.999999|received_5|q01|Agent/001|CONNECT|3
2012-07-01 08:00:05.999999|received_5|q01|Agent/001|COMPLETECALLER|3|7|1
""",
        (
            Expected(
                "q01",
                {
                    "08": {
                        "Received": "3",
                        "Answered": "3",
                        "AWT": "00:00:03",
                        "Answered rate": "100 %",
                        "QoS": "100 %",
                    },
                    "09": {
                        "Received": "2",
                        "Answered": "2",
                        "AWT": "00:00:03",
                        "Answered rate": "100 %",
                        "QoS": "100 %",
                    },
                    "10": {"Received": "0", "Answered": "0", "AWT": "", "Answered rate": "", "QoS": ""},
                    "11": {"Received": "0", "Answered": "0", "AWT": "", "Answered rate": "", "QoS": ""},
                    "Total": {
                        "Received": "5",
                        "Answered": "5",
                        "AWT": "00:00:03",
                        "Answered rate": "100 %",
                        "QoS": "100 %",
                    },
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for closed queue",
        """2012-07-01 08:00:00.000000|received_1|q01|NONE|CLOSED
2012-07-01 08:00:00.000001|received_6|q01|NONE|CLOSED
2012-07-01 08:00:00.000001|received_3|q02|NONE|CLOSED
2012-07-01 08:59:59.999999|received_2|q01|NONE|CLOSED
2012-07-01 09:00:00.000000|received_4|q01|NONE|CLOSED
2012-07-01 09:59:59.999999|received_5|q01|NONE|CLOSED
""",
        (
            Expected(
                "q01",
                {
                    "08": {"Received": "3", "Closed": "3"},
                    "09": {"Received": "2", "Closed": "2"},
                    "10": {"Received": "0", "Closed": "0"},
                    "11": {"Received": "0", "Closed": "0"},
                    "Total": {"Received": "5", "Closed": "5"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for answered rate with calls on closed queue",
        """2012-07-01 11:02:29.141759|1394463745.0|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:02:51.940581|MANAGER|q01|NONE|ADDMEMBER
2012-07-01 11:03:00.781150|1394463745.0|q01|NONE|CONNECT|32|1394463774.2|6
2012-07-01 11:03:02.973847|1394463745.0|q01|NONE|COMPLETEAGENT|32|2|1
2012-07-01 11:03:05.774385|1394463784.6|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:03:06.651541|1394463784.6|q01|NONE|CONNECT|1|1394463785.7|0
2012-07-01 11:03:08.573800|1394463784.6|q01|NONE|COMPLETEAGENT|1|2|1
2012-07-01 11:03:17.222916|1394463795.10|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:03:18.517792|1394463795.10|q01|NONE|ABANDON|1|1|1
2012-07-01 11:03:20.875825|1394463799.14|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:03:21.528519|1394463799.14|q01|NONE|ABANDON|1|1|1
2012-07-01 11:34:11.154600|1394465650.18|q01|NONE|CLOSED
2012-07-01 11:39:16.945240|1394465954.19|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:39:18.917060|1394465954.19|q01|NONE|CONNECT|2|1394465957.20|1
2012-07-01 11:39:20.227727|1394465954.19|q01|NONE|COMPLETEAGENT|3|1|1
2012-07-01 11:42:52.852573|1394466171.23|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:42:54.248786|1394466171.23|q01|NONE|CONNECT|2|1394466172.24|1
2012-07-01 11:42:55.780864|1394466171.23|q01|NONE|COMPLETEAGENT|2|1|1
2012-07-01 11:42:58.788076|1394466177.27|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:42:59.754986|1394466177.27|q01|NONE|ABANDON|1|1|1
2012-07-01 11:43:02.353859|1394466181.31|q01|NONE|ENTERQUEUE||1003|1
2012-07-01 11:43:17.360803|1394466181.31|q01|NONE|RINGNOANSWER|15000
2012-07-01 11:43:37.575660|1394466181.31|q01|NONE|RINGNOANSWER|15000
2012-07-01 11:43:40.247292|1394466181.31|q01|NONE|ABANDON|1|1|38
""",
        (
            Expected(
                "q01",
                {
                    "08": {"Received": "0", "Answered": "0", "Closed": "0", "Answered rate": ""},
                    "09": {"Received": "0", "Answered": "0", "Closed": "0", "Answered rate": ""},
                    "10": {"Received": "0", "Answered": "0", "Closed": "0", "Answered rate": ""},
                    "11": {"Received": "9", "Answered": "4", "Closed": "1", "Answered rate": "50 %"},
                    "Total": {"Received": "9", "Answered": "4", "Closed": "1", "Answered rate": "50 %"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for partial answered call logs",
        """2012-07-01 11:01:00.935905|1402587143.24|q00|NONE|ENTERQUEUE||1002|1
2012-07-01 11:05:00.769756|1402587143.24|q01|Agent/1001|COMPLETEAGENT|12|6|1
""",
        (
            Expected(
                "q01",
                {
                    "11": {"Received": "1", "Answered": "1", "Closed": "0", "Answered rate": "100 %"},
                    "Total": {"Received": "1", "Answered": "1", "Closed": "0", "Answered rate": "100 %"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for answered calls",
        """2012-07-01 10:58:39.750413|answered_1|q01|Agent/1|COMPLETECALLER|1|6|1
2012-07-01 10:58:33.643463|answered_1|q01|Agent/1|CONNECT|1|1346165912.457|1
2012-07-01 10:58:32.192729|answered_1|q01|NONE|ENTERQUEUE||1201|1
2012-07-01 09:54:49.776142|answered_2|q01|Agent/1|TRANSFER|s|user|1|9|1
2012-07-01 09:54:40.233811|answered_2|q01|Agent/1|CONNECT|1|1346165679.450|1
2012-07-01 09:54:39.109284|answered_2|q01|NONE|ENTERQUEUE||1201|1
2012-07-01 08:54:23.674291|answered_3|q01|Agent/1|COMPLETECALLER|1|5|1
2012-07-01 08:54:18.711465|answered_3|q01|Agent/1|CONNECT|1|1346165657.444|1
2012-07-01 08:54:17.039559|answered_3|q01|NONE|ENTERQUEUE||1201|1
""",
        (
            Expected(
                "",
                {
                    "08": {"Answered": "1"},
                    "09": {"Answered": "1"},
                    "10": {"Answered": "1"},
                    "11": {"Answered": "0"},
                    "Total": {"Answered": "3"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for total login time",
        """2012-01-01 09:10:10.777777|login_time_1|NONE|Agent/3|AGENTCALLBACKLOGIN|1001@statscenter
2012-01-01 09:25:10.777777|login_time_2|NONE|Agent/3|AGENTCALLBACKLOGOFF|1001@statscenter|900|CommandLogoff
2012-01-01 09:25:11.555555|login_time_3|NONE|Agent/3|UNPAUSEALL
""",
        (
            Expected(
                "",
                {
                    "08": {"Login": "00:00:00"},
                    "09": {"Login": "00:15:00"},
                    "10": {"Login": "00:00:00"},
                    "11": {"Login": "00:00:00"},
                    "Total": {"Login": "00:15:00"},
                },
            ),
        ),
    ),
    Scenario(
        "Login before the hour logout during the hour",
        """2012-01-01 08:50:00.999999|login_time_1|NONE|Agent/5|AGENTCALLBACKLOGIN|1003@default
2012-01-01 09:01:06.000000|login_time_2|NONE|Agent/5|AGENTCALLBACKLOGOFF|1003@default|665|CommandLogoff
2012-01-01 09:02:00.000000|login_time_3|NONE|Agent/5|AGENTLOGIN|SIP/aaaaa-00000001
2012-01-01 09:02:30.000000|login_time_3|NONE|Agent/5|AGENTLOGOFF|SIP/aaaaa-00000001|30|CommandLogoff
""",
        (
            Expected(
                "",
                {
                    "08": {"Login": "00:09:59"},
                    "09": {"Login": "00:01:36"},
                    "10": {"Login": "00:00:00"},
                    "11": {"Login": "00:00:00"},
                    "Total": {"Login": "00:11:35"},
                },
            ),
        ),
    ),
    Scenario(
        "Implicit login then logoff after the hour",
        """2012-01-02 10:00:00.000000|login_time_1|NONE|Agent/5|AGENTCALLBACKLOGOFF|1003@default|300|CommandLogoff
2012-01-02 10:00:00.000000|login_time_2|NONE|Agent/5|AGENTLOGOFF|SIP/aaaaa-00000001|30|CommandLogoff
""",
        (Expected("", {"08": {"Login": "00:00:00"}, "Total": {"Login": "00:00:00"}}),),
    ),
    Scenario(
        "Login and logoff during the hour and login after the hour",
        """2012-01-02 08:30:00.000000|login_time_1|NONE|Agent/5|AGENTCALLBACKLOGIN|1003@default
2012-01-02 08:35:00.000000|login_time_2|NONE|Agent/5|AGENTCALLBACKLOGOFF|1003@default|300|CommandLogoff
2012-01-02 08:40:00.000000|login_time_3|NONE|Agent/5|AGENTLOGIN|SIP/aaaaa-00000001
2012-01-02 08:45:00.000000|login_time_3|NONE|Agent/5|AGENTLOGOFF|SIP/aaaaa-00000001|300|CommandLogoff
2012-01-02 09:30:00.000000|login_time_1|NONE|Agent/5|AGENTCALLBACKLOGIN|1003@default
2012-01-02 09:40:00.000000|login_time_3|NONE|Agent/5|AGENTLOGIN|SIP/aaaaa-00000001
""",
        (Expected("", {"08": {"Login": "00:10:00"}, "Total": {"Login": "00:10:00"}}),),
    ),
    Scenario(
        "Generate stats twice",
        """2012-01-01 09:10:10.777777|login_time_1|NONE|Agent/8|AGENTCALLBACKLOGIN|1002@statscenter
2012-01-01 09:25:10.777777|login_time_2|NONE|Agent/8|AGENTCALLBACKLOGOFF|1002@statscenter|900|CommandLogoff
2012-01-01 09:25:11.555555|login_time_3|NONE|Agent/8|UNPAUSEALL
""",
        (Expected("", {"Total": {"Login": "00:15:00"}}),),
    ),
    Scenario(
        "Generate stats for total pause time",
        """2012-01-01 10:46:00.000000|NONE|NONE|Agent/10|UNPAUSEALL
2012-01-01 09:41:10.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:54:09.000000|NONE|NONE|Agent/10|UNPAUSEALL
2012-01-01 08:50:59.000000|NONE|NONE|Agent/10|UNPAUSEALL
2012-01-01 08:50:46.000000|NONE|NONE|Agent/10|UNPAUSEALL
2012-01-01 08:48:45.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:47:18.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:47:17.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:47:16.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:46:38.000000|NONE|NONE|Agent/10|UNPAUSEALL
2012-01-01 08:41:30.000000|NONE|NONE|Agent/10|PAUSEALL
2012-01-01 08:41:09.000000|NONE|NONE|Agent/10|UNPAUSEALL
""",
        (
            Expected(
                "",
                {
                    "08": {"Pause": "00:08:38"},
                    "09": {"Pause": "00:18:50"},
                    "10": {"Pause": "00:46:00"},
                    "11": {"Pause": "00:00:00"},
                    "Total": {"Pause": "01:13:28"},
                },
            ),
        ),
    ),
    Scenario(
        "Generate stats for total wrapup time",
        """2012-01-01 09:43:07.216260|NONE|NONE|Agent/11|WRAPUPSTART|15
2012-01-01 09:43:07.213910|wrapup_time_1|q11|Agent/11|COMPLETEAGENT|18|2|1
2012-01-01 09:43:05.121034|wrapup_time_1|q11|Agent/11|CONNECT|18|1351078982.15|2
2012-01-01 09:42:47.009661|wrapup_time_1|q11|NONE|ENTERQUEUE||1003|1
""",
        (
            Expected(
                "",
                {
                    "08": {"Answered": "0", "Wrapup": "00:00:00"},
                    "09": {"Answered": "1", "Wrapup": "00:00:15"},
                    "10": {"Answered": "0", "Wrapup": "00:00:00"},
                    "11": {"Answered": "0", "Wrapup": "00:00:00"},
                    "Total": {"Answered": "1", "Wrapup": "00:00:15"},
                },
            ),
        ),
    ),
    Scenario(
        "Agent login time in queue_log",
        """2012-01-01 09:00:00|login_1|NONE|Agent/1003|AGENTCALLBACKLOGIN|1003@statscenter
2012-01-01 09:00:01|login_2|NONE|Agent/1003|AGENTCALLBACKLOGOFF|1003@statscenter|1
""",
        (Expected("", {"Total": {"Login": "00:00:01"}}),),
    ),
)
