"""`nicu-monitor backup` and `nicu-monitor restore`: a station in one file, and back."""

from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.cli_framework import examples
from monitor.station.state_backup import BackupContent, read_backup, restore_backup, write_backup

__all__ = ["backup", "restore"]


@click.command(
    "backup",
    epilog=examples("nicu-monitor backup /mnt/safe/station-1.tar.gz --config station.yaml"),
)
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True, help="The station's own file.")
def backup(archive: Path, config_file: Path) -> None:
    """Write a station's state and configuration to ARCHIVE; the station may run meanwhile.

    It holds alerts and their numbering, alarm state, history, audit log, sessions, the configuration, and the users,
    passwords and certificates that this names: keep it as safe as them. Run it as the station's user or as root.
    """
    content = write_backup(config_file, archive, datetime.now(tz=UTC))
    click.echo(f"{archive}: {_summary(content)}, {archive.stat().st_size / 1e6:.1f} MB")


@click.command(
    "restore",
    epilog=examples(
        "nicu-monitor restore /mnt/safe/station-1.tar.gz --dry-run", "nicu-monitor restore /mnt/safe/station-1.tar.gz"
    ),
)
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only list what would be put where.")
def restore(archive: Path, *, dry_run: bool) -> None:
    """Put the station of ARCHIVE back where it was, on a machine whose state directory is empty.

    Only for archives that you made yourself: it says where its files go. Configuration files that are there and differ
    are renamed, not overwritten. Alerts that changed after the back-up was made are settled with Redis at the start.
    """
    if dry_run:
        content = read_backup(archive)
        for file in content.files:
            click.echo(f"{file.path}")
        click.echo(f"{_summary(content)}; nothing was written")
        return
    content = restore_backup(archive)
    click.echo(f"{_summary(content)}, is back; now: nicu-monitor check {content.config_file}")


def _summary(content: BackupContent) -> str:
    made = content.made_at.isoformat(timespec="seconds")
    return f"station {content.station} of {made}, {len(content.files)} files"
