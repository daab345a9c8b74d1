"""Who is told of which severity, and what an alert is called: the same in rules, routes, and what is pushed.

Owns these two answers. Knows nobody by name.
"""

__all__ = ["LEVELS", "alert_name"]

#: Who is told first, by severity; what is not acknowledged climbs from there.
LEVELS = {"info": "team_leader", "warning": "supervisor", "critical": "manager"}


def alert_name(name: str) -> str:
    """The name of a condition or commitment as alerts have it: `queue_long` is `QueueLong`."""
    return "".join(part[:1].upper() + part[1:] for part in name.replace("-", "_").replace(" ", "_").split("_") if part)
