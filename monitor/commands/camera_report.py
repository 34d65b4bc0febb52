"""What `nicu-monitor cameras` prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from monitor.cameras.profiles import Proposal, VideoProfile
from monitor.cameras.trial import CameraTrial
from monitor.cameras.wording import shown_address
from monitor.config import CameraSettings
from monitor.config.addresses import camera_address

__all__ = ["camera_block", "differences", "print_profiles", "print_proposal", "print_table", "print_trial"]


def differences(before: VideoProfile, after: VideoProfile) -> list[tuple[str, str, str]]:
    """Return name, old and new value of each setting in which two states of a profile differ."""
    names = {
        "size_px": "size",
        "frames_per_second": "pictures/s",
        "gop": "pictures from one key frame to the next",
        "kbit_per_second": "kbit/s",
    }
    return [
        (name, _shown(getattr(before, field)), _shown(getattr(after, field)))
        for field, name in names.items()
        if getattr(before, field) != getattr(after, field)
    ]


def camera_block(settings: CameraSettings) -> dict[str, Any]:
    """Return what to write below `camera:`; a password by its file alone."""
    password = None if settings.password is None else settings.password.get_secret_value()
    url = settings.url if camera_address(settings.url) is None else shown_address(settings.url, password)
    block: dict[str, Any] = {"url": url}
    if settings.username is not None:
        block["username"] = settings.username
    if settings.password is not None or settings.password_file is not None:
        block["password_file"] = str(settings.password_file or "secrets/camera")
    usual = CameraSettings(url="file")
    for name in ("transport", "allow_basic", "tls_ca_file"):
        if getattr(settings, name) != getattr(usual, name):
            value = getattr(settings, name)
            block[name] = str(value) if isinstance(value, Path) else value
    return block


def print_trial(trial: CameraTrial) -> None:
    """Print what a camera sent."""
    if trial.size_px is None:
        click.echo(f"{trial.error}")
        return
    rate = "" if trial.frames_per_second is None else f", {trial.frames_per_second:.1f} pictures/s"
    click.echo(f"address:    {trial.address}")
    click.echo(f"picture:    {trial.codec}, {trial.size_px[0]} x {trial.size_px[1]}{rate}")
    if trial.keyframe_seconds is not None:
        click.echo(f"key frames: every {trial.keyframe_seconds:.1f} s ({trial.gop} pictures)")
    light = "dark, or the lens is covered" if trial.is_dark else "light enough to see something"
    click.echo(f"brightness: {trial.brightness:.0f} of 255, {light}")
    if trial.face_px is not None:
        usable = "usable" if trial.is_face_usable else "too small, dark or blurred, or not alone, for a score"
        click.echo(f"face:       {trial.face_px:.0f} px wide, {usable}")
    elif trial.was_detected:
        click.echo("face:       none seen")
    if trial.error is not None:
        click.echo(f"then:       {trial.error}")
    for advice in trial.advice:
        click.echo(f"advice:     {advice}")


def print_profiles(listed: Sequence[VideoProfile]) -> None:
    """Print a camera's profiles as a table."""
    rows = [
        [
            profile.token,
            profile.name,
            profile.codec or "no encoder",
            _shown(profile.size_px),
            _shown(profile.frames_per_second),
            _shown(profile.gop),
            _shown(profile.kbit_per_second),
            (profile.address or "no stream") + (" (*)" if profile.is_shortened else ""),
        ]
        for profile in listed
    ]
    print_table(("profile", "name", "codec", "size", "pictures/s", "GOP", "kbit/s", "stream"), rows)
    if any(profile.is_shortened for profile in listed):
        click.echo("(*) shortened, because the camera's own address seems to hold a login")


def print_proposal(host: str, proposal: Proposal) -> None:
    """Print which profile a station should take."""
    if proposal.profile is None:
        click.echo(f"none of them: {proposal.reason}")
        return
    click.echo(f"best here: {proposal.profile.token}; {proposal.reason}")
    if proposal.changes:
        click.echo(f"then: nicu-monitor cameras set {host} {proposal.profile.token} {' '.join(proposal.changes)}")
    if proposal.saving > 0.0:
        click.echo(f"together that saves {proposal.saving:.0%} of the decoding of the largest profile")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their heads, in columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _shown(value: float | tuple[int, int] | None) -> str:
    if value is None:
        return "?"
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else f"{value:g}"
