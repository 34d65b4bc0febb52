"""`nicu-monitor forward`: alerts from Redis to webhooks, MQTT, HL7 v2 and e-mail."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis.exceptions import RedisError

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.clock import SystemClock
from monitor.commands.signal_event import SignalEvent
from monitor.config import LogSettings
from monitor.delivery.redis_client import connect_redis
from monitor.errors import PublishError
from monitor.forwarding.dead_letters import DeadLetters
from monitor.forwarding.forwarder import Forwarder, open_sender, paths_of
from monitor.forwarding.mail import Mail
from monitor.forwarding.message import DeliveryError
from monitor.forwarding.sample import sample_message
from monitor.forwarding.settings import EmailSettings, ForwardSettings, read_forward_settings
from monitor.logs import configure

__all__ = ["command"]

_CHECK_SECONDS = 1.0


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor forward --config forward.yaml",
        "nicu-monitor forward --config forward.yaml --check",
        "nicu-monitor forward --config forward.yaml --test",
        "nicu-monitor forward --config forward.yaml --resend pager",
    ),
)
@click.option("--config", "config_file", required=True, type=click.Path(path_type=Path), help="Where alerts go.")
@click.option("--check", "is_check", is_flag=True, help="Only read the file and what it names; send nothing.")
@click.option("--test", "is_test", is_flag=True, help="Send one alert that is marked as a test to each destination.")
@click.option("--resend", "resend", metavar="NAME", help="Try the dead letters of this destination once more.")
@click.option("--metrics-port", type=click.IntRange(1, 65_535), help="Serve /metrics for Prometheus on this port.")
@click.option(
    "--metrics-address",
    default="127.0.0.1",
    show_default=True,
    help="Address of this machine for /metrics; 0.0.0.0 for a Prometheus elsewhere. Whoever reaches it reads them.",
)
def command(
    config_file: Path,
    resend: str | None,
    metrics_port: int | None,
    metrics_address: str,
    *,
    is_check: bool,
    is_test: bool,
) -> int:
    """Forward alerts to other systems: each at least once, in order, until they have arrived.

    A destination that is away is tried until it is back; what it refuses, or has not taken after a day, is written to
    its dead letters in the state directory. Runs until it is stopped.

    Exit code 1 means that a destination did not take the test, or that dead letters remain.
    """
    settings = read_forward_settings(config_file)
    if is_check:
        return _check(settings, config_file)
    try:
        settings.state_directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(f"cannot make {settings.state_directory} ({error.strerror})") from None
    if is_test:
        return _test(settings)
    if resend is not None:
        return _resend(settings, resend)
    configure(LogSettings())
    return _run(settings, metrics_port, metrics_address)


def _check(settings: ForwardSettings, config_file: Path) -> int:
    """Read the secrets and certificates that a configuration names, too; each that is wrong raises `ConfigError`."""
    clock = SystemClock()
    for destination in settings.destinations:
        open_sender(destination, clock).close()
    with suppress(RedisError):  # a cluster is asked at once; whether it answers is no question of the file
        connect_redis(settings.redis).close()
    click.echo(f"{config_file} is right")
    return 0


def _test(settings: ForwardSettings) -> int:
    clock = SystemClock()
    failed = False
    for destination in settings.destinations:
        sender = open_sender(destination, clock)
        try:
            sender.send(sample_message(clock))
        except DeliveryError as error:
            failed = True
            click.echo(f"{destination.name}: FAILED: {error}")
        else:
            click.echo(f"{destination.name}: the test has arrived")
        finally:
            sender.close()
    return EXIT_NO if failed else 0


def _resend(settings: ForwardSettings, name: str) -> int:
    destination = next((d for d in settings.destinations if d.name == name), None)
    if destination is None:
        names = ", ".join(d.name for d in settings.destinations)
        raise click.UsageError(f"there is no destination {name!r} in the configuration, only {names}")
    clock = SystemClock()
    sender = open_sender(destination, clock)
    escalate = None
    if isinstance(sender, Mail) and isinstance(destination, EmailSettings) and destination.escalate_to:
        escalate = sender.escalate
    try:
        resent = DeadLetters(paths_of(settings, name)[1], clock).resend(sender.send, escalate)
    finally:
        sender.close()
    click.echo(f"{name}: {resent.arrived} arrived, {resent.remain} remain")
    if resent.old_news:
        click.echo(f"{name}: {resent.old_news} dropped: old news of stations")
    return EXIT_NO if resent.remain else 0


def _run(settings: ForwardSettings, metrics_port: int | None, metrics_address: str) -> int:
    stopping = SignalEvent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    # What the configuration says holds until the next start; a hang-up ends nothing.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    clock = SystemClock()
    forwarders = [Forwarder(settings, destination, clock) for destination in settings.destinations]
    if metrics_port is not None:
        registry = CollectorRegistry()
        registry.register(_Metrics(forwarders))
        try:
            start_http_server(metrics_port, addr=metrics_address, registry=registry)
        except OSError as error:
            raise PublishError(
                f"no metrics at port {metrics_port} ({error.strerror}) of {metrics_address}; "
                "choose another --metrics-port or --metrics-address"
            ) from None
    for forwarder in forwarders:
        forwarder.start()
    try:
        while not stopping.wait(_CHECK_SECONDS):
            dead = [forwarder.name for forwarder in forwarders if not forwarder.is_running]
            if dead:
                raise PublishError(f"the way to {', '.join(dead)} has ended; start again")
    finally:
        for forwarder in forwarders:
            forwarder.stop()
    return 0


class _Metrics:
    """What Prometheus sees of the forwarders."""

    def __init__(self, forwarders: Sequence[Forwarder]) -> None:
        self._forwarders = forwarders

    def collect(self) -> Iterator[Metric]:
        """Yield one family of metrics for each question."""
        sent = CounterMetricFamily("nicu_forward_sent", "Messages that have arrived.", labels=["destination"])
        waiting = GaugeMetricFamily(
            "nicu_forward_waiting_seconds",
            "How long the oldest message is tried; absent while Redis, where more may wait, does not answer.",
            labels=["destination"],
        )
        redis = GaugeMetricFamily("nicu_forward_redis_up", "1 while Redis answers.", labels=["destination"])
        dead = GaugeMetricFamily("nicu_forward_dead_letters", "Messages that were given up.", labels=["destination"])
        for forwarder in self._forwarders:
            sent.add_metric([forwarder.name], forwarder.sent)
            redis.add_metric([forwarder.name], forwarder.is_redis_up)
            if (waiting_seconds := forwarder.waiting_seconds) is not None:
                waiting.add_metric([forwarder.name], waiting_seconds)
            with suppress(OSError):
                dead.add_metric([forwarder.name], forwarder.dead_letters)
        yield from (sent, waiting, redis, dead)
