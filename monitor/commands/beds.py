"""`nicu-monitor beds`: the beds that several stations share, in Redis."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import yaml
from pydantic import ValidationError
from redis.exceptions import RedisError

from monitor.cli_framework import EXIT_NO, ConfigCommand, examples
from monitor.clock import SystemClock
from monitor.config import StationConfig
from monitor.config.base import first_mistake
from monitor.config.fields import same_source
from monitor.config.file import read_config
from monitor.config.fleet import FleetBed
from monitor.config.settings import RegionOfInterest
from monitor.config.unique_keys import load_unique
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.errors import ConfigError, PublishError
from monitor.fleet.lease_table import LeaseTable

__all__ = ["beds"]

_LARGEST_BYTES = 5_000_000

_config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True, help="A station's file; names Redis."
)


@click.group(
    "beds",
    epilog=examples(
        "nicu-monitor beds publish ward.yaml --config station.yaml", "nicu-monitor beds list --config station.yaml"
    ),
)
def beds() -> None:
    """Publish, list and remove the beds that several stations share; take a station off the pages of wards."""


@beds.command(epilog=examples("nicu-monitor beds publish ward.yaml --config station.yaml"))
@click.argument("file", type=click.Path(path_type=Path))
@_config_option
@click.option("--replace", is_flag=True, help="Also write beds that are there with other settings.")
def publish(file: Path, config_file: Path, *, replace: bool) -> int:
    """Write the beds of FILE into Redis, from which stations with a `fleet:` section claim them.

    FILE has the field `beds:` as a station's file has it, and each bed may name its `home` station. Passwords stay on
    the stations: write `password_file` or `${NAME}`. Exit code 0 when all are written, 1 when one of them is there
    already with other settings; then nothing is written.
    """
    wanted = _read_beds(file)
    with _table(config_file) as table:
        reading = table.read()
        known, unreadable = reading.beds, reading.unreadable
        _refuse_one_camera_twice(wanted, known)
        differing = [bed.id for bed in wanted if bed.id in unreadable or (bed.id in known and known[bed.id] != bed)]
        if differing and not replace:
            click.echo(
                f"these beds are in Redis with other settings: {', '.join(differing)}; nothing was written. A bed "
                "belongs into one file: take it out of the other, or write --replace",
                err=True,
            )
            return EXIT_NO
        count = sum(table.publish(bed) for bed in wanted if known.get(bed.id) != bed)
    others = "; the others were there" if count < len(wanted) else ""
    click.echo(f"{count} of {len(wanted)} beds written{others}")
    return 0


@beds.command("list", cls=ConfigCommand, epilog=examples("nicu-monitor beds list --config station.yaml --json"))
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for a script.")
def list_beds(config_file: Path, *, as_json: bool) -> int:
    """Print every shared bed, its home and who watches it. Exit code 1 when nobody watches one of them."""
    with _table(config_file) as table:
        reading = table.read()
    rows = [
        {
            "bed": bed,
            "home": None if document is None else document.home,
            "readable": document is not None,
            "watched_by": None if lease is None else lease.owner,
            "epoch": 0 if lease is None else lease.epoch,
            "age_seconds": None if lease is None or lease.owner is None else round(lease.age_seconds, 1),
        }
        for bed in sorted({*reading.beds, *reading.unreadable})
        for document in (reading.beds.get(bed),)
        for lease in (reading.leases.get(bed),)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            watched = f"watched by {row['watched_by']}" if row["watched_by"] else "NOBODY WATCHES IT"
            home = f"home {row['home'] or 'anywhere'}" if row["readable"] else "its entry cannot be read here"
            click.echo(f"{row['bed']}: {watched} ({home}, epoch {row['epoch']})")
        if not rows:
            click.echo("no bed is shared", err=True)
    return EXIT_NO if any(row["watched_by"] is None for row in rows) else 0


@beds.command(epilog=examples("nicu-monitor beds remove bed-7 --config station.yaml"))
@click.argument("bed")
@_config_option
def remove(bed: str, config_file: Path) -> int:
    """Take BED out: the station that watches it stops, and its alerts end as questionable."""
    with _table(config_file) as table:
        was_there = table.remove(bed)
    click.echo(f"{bed} is no shared bed any more" if was_there else f"there is no bed {bed}", err=not was_there)
    return 0 if was_there else EXIT_NO


@beds.command(epilog=examples("nicu-monitor beds retire station-3 --config station.yaml"))
@click.argument("station")
@_config_option
def retire(station: str, config_file: Path) -> int:
    """Let every ward's page forget STATION, which is out of service for good, and the beds that it alone had.

    A station that gives its heartbeat is refused with exit code 1: stop it first. Alerts that it left on end as
    questionable. Shared beds stay; one that nobody watches is an alarm as ever. Once the station gives its heartbeat
    again, it is shown again.
    """
    from monitor.station.retired_alerts import end_retired_alerts

    ended = 0
    with _connected(config_file) as (config, client, table):
        is_told = table.retire(station)
        if is_told:
            reading = table.read()
            shared = {*reading.beds, *reading.unreadable}
            ended = end_retired_alerts(client, config.redis, station, shared, SystemClock())
    if is_told:
        if ended:
            click.echo(f"alerts that {station} left on and that have ended now: {ended}")
        click.echo(f"every ward's page that shows {station} as silent forgets it within half a minute")
    else:
        click.echo(f"{station} gives its heartbeat; stop it first. Nothing was changed", err=True)
    return 0 if is_told else EXIT_NO


@contextmanager
def _table(config_file: Path) -> Iterator[LeaseTable]:
    with _connected(config_file) as (_, _, table):
        yield table


@contextmanager
def _connected(config_file: Path) -> Iterator[tuple[StationConfig, RedisClient, LeaseTable]]:
    config = read_config(config_file)
    client = connect_redis(config.redis)
    try:
        yield config, client, LeaseTable(client, Keys(config.redis.key_prefix, config.station.id))
    except (RedisError, OSError) as error:
        raise PublishError(describe_failure(error, redis_address(config.redis))) from None
    finally:
        client.close()


def _read_beds(file: Path) -> list[FleetBed]:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise ConfigError(f"{file} is too large for a list of beds")
        document = load_unique(file.read_text(encoding="utf-8"), file)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        raise ConfigError(f"{file} cannot be read as YAML; write `beds:` as in configs/example.yaml") from None
    listed = document.get("beds") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ConfigError(f"{file} has no `beds:`; write one entry a bed, as in configs/example.yaml")
    found: dict[str, FleetBed] = {}
    for index, item in enumerate(listed):
        try:
            bed = FleetBed.model_validate(item)
        except ValidationError as error:
            raise ConfigError(f"{file}: beds.{index}.{first_mistake(error)}") from None
        if bed.id in found:
            raise ConfigError(f"{file}: the bed {bed.id} is there twice; keep one")
        found[bed.id] = bed
    return list(found.values())


def _refuse_one_camera_twice(wanted: Sequence[FleetBed], known: Mapping[str, FleetBed]) -> None:
    """Refuse beds that would show one infant under two names; pairs that were in Redis before are not looked at."""
    new = {bed.id for bed in wanted}
    present = [bed for bed in known.values() if bed.id not in new]
    first_use: dict[tuple[str, tuple[float, ...]], str] = {}
    for bed in [*present, *wanted]:
        source = same_source(bed.camera["url"])
        if source is None:
            continue
        try:
            edges = RegionOfInterest.model_validate(bed.region_of_interest).edges
        except ValidationError as error:
            if bed.id in new:
                raise ConfigError(f"bed {bed.id}: region_of_interest: {first_mistake(error)}") from None
            continue
        first = first_use.setdefault((source, edges), bed.id)
        if first != bed.id and bed.id in new:
            where = "" if first in new else " in Redis"
            raise ConfigError(
                f"the beds {first}{where} and {bed.id} have the same camera, with the same region_of_interest: both "
                "would show one infant; nothing was written. Correct the address, give each its own region_of_interest "
                f"or take one out (nicu-monitor beds remove {first})"
            )
