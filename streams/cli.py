"""The command `floorwatch`: composes the parts, and turns every failure into one sentence and an honest exit code."""

import os
import sys
from importlib import import_module
from typing import Any

import click

from engine.errors import InvalidSetting

__all__ = ["main"]

_COMMANDS = {
    "replay": ("streams.replay", "replay"),
    "run": ("streams.run", "run"),
    "connect": ("streams.connect_command", "connect"),
    "alerts": ("alerts.command", "alerts"),
    "oncall": ("alerts.command", "oncall"),
    "policy": ("streams.policy.command", "policy"),
    "privacy": ("streams.privacy_command", "privacy"),
    "dashboards": ("streams.dashboards_command", "dashboards"),
    "history": ("streams.history.importing", "history"),
    "report": ("streams.mailing", "report"),
    "capacity": ("streams.capacity.command", "capacity"),
    "simulate": ("streams.simulate.command", "simulate"),
    "token": ("streams.token_command", "token"),
    "gateway": ("streams.kafka.gateway_command", "gateway"),
    "worker": ("streams.kafka.worker_command", "worker"),
    "hub": ("streams.kafka.hub_command", "hub"),
    "topics": ("streams.kafka.command", "topics"),
    "deadletter": ("streams.kafka.command", "deadletter"),
}
#: Not needed on one machine, so not installed with the rest.
_KAFKA_PACKAGES = ("aiokafka", "faust", "kafka")


class _Commands(click.Group):
    """Commands by name, each imported only when it is used: a report need not wait for a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] not in _KAFKA_PACKAGES:
                raise
            return _missing(cmd_name, error.name)
        return command


def _missing(name: str, package: str) -> click.Command:
    """Stands for a command whose packages are not installed: it is listed with the others, and says so when it is used."""

    def refuse(**_: Any) -> None:
        raise click.ClickException(f"{name} needs the packages for Kafka; make setup-kafka installs them.")

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, anything, refuse, help=f"Needs {package}, which is not installed: make setup-kafka.")


@click.group(cls=_Commands)
@click.version_option(package_name="floorwatch")
def cli() -> None:
    """Floorwatch: the live monitor for customer-service centres.

    \b
    Examples:
      floorwatch run --simulate
      floorwatch replay events.jsonl.gz --report windows.csv
      floorwatch connect check queue_log /var/log/asterisk/queue_log
      floorwatch alerts check alerts.yaml
      floorwatch policy explain --channel phone --tier vip
      floorwatch dashboards build --out monitoring
      floorwatch report --by queue --out week.html
      floorwatch capacity plan --arrivals 100 --handle 3m --target 80%/20s
      floorwatch simulate --preset sale-peak --duration 1h -o peak.jsonl.gz
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 wrong usage."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        code: Any = cli.main(arguments, prog_name="floorwatch", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        return 1
    except InvalidSetting as error:
        click.echo(f"Error: {error}", err=True)
        return 2
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {what}{error.strerror or error}", err=True)
        return 1
    except Exception as error:
        if "FLOORWATCH_TRACEBACK" in os.environ:
            raise
        click.echo(
            f"Error: a fault of Floorwatch itself ({type(error).__name__}: {error}); "
            "set FLOORWATCH_TRACEBACK=1 to see where, and report it",
            err=True,
        )
        return 1
