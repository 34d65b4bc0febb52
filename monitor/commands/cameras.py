"""`nicu-monitor cameras`: found, asked for their profiles, set, and tried before they are saved."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
import yaml
from pydantic import ValidationError

from monitor.cli_framework import EXIT_NO, NumberRange, examples
from monitor.config import CameraSettings, FaceSettings, LogSettings, ModelSettings
from monitor.config.secret_file import read_secret_file
from monitor.errors import ConfigError, MonitorError, VideoError
from monitor.logs import configure

if TYPE_CHECKING:
    from monitor.cameras.onvif import Login
    from monitor.cameras.profiles import FaceShare, VideoProfile
    from monitor.cameras.trial import CameraTrial
    from monitor.faces.detector import FaceDetector

__all__ = ["command"]

_ALONE = (
    "no camera answered within {seconds:g} s; they answer on this machine's own network segment only, where ONVIF and "
    "its discovery are switched on, and where no firewall, switch or container network holds multicast back "
    "(239.255.255.250, UDP port 3702); `nicu-monitor cameras profiles HOST` asks one whose address is known"
)
_PATIENCE_SECONDS, _WATCH_SECONDS = 12.0, 8.0
_F = TypeVar("_F", bound=Callable[..., Any])


def _size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d{2,5})[xX](\d{2,5})", value)
    if found is None:
        raise click.BadParameter("write a size like 1280x720")
    return int(found[1]), int(found[2])


def _with_login(command: _F) -> _F:
    for option in (
        click.option(
            "--password-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="File with the password of that account.",
        ),
        click.option("--username", help="Account of the camera."),
    ):
        command = option(command)
    return command


def _with_device(command: _F) -> _F:
    for option in (
        click.option(
            "--seconds", type=NumberRange(0.5, 60.0), default=5.0, show_default=True, help="To wait for an answer."
        ),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="Authority of the camera's certificate.",
        ),
    ):
        command = option(command)
    return _with_login(command)


@click.group(
    name="cameras",
    epilog=examples(
        "nicu-monitor cameras find",
        "nicu-monitor cameras try rtsp://192.0.2.10:554/stream1 --username monitor --password-file secrets/camera-1",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Find cameras, see what they offer, set them, and try one before it is saved.

    `find`, `profiles` and `set` speak ONVIF and need the extra `onvif`.
    """


@command.command(epilog=examples("nicu-monitor cameras find", "nicu-monitor cameras find --json"))
@click.option(
    "--seconds", type=NumberRange(0.1, 60.0), default=3.0, show_default=True, help="To listen, on each network."
)
@click.option("--interface", "interfaces", multiple=True, help="Own address from which to ask.  [default: every one]")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for a script.")
def find(seconds: float, interfaces: Sequence[str], *, as_json: bool) -> int:
    """Ask the network for ONVIF cameras.

    What a camera says of itself is not proven. Exit code 1 where none answered.
    """
    _require_extra()
    from monitor.cameras.discovery import find_cameras
    from monitor.commands.camera_report import print_table

    found = find_cameras(seconds, interfaces)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(camera) for camera in found], indent=2))
    elif found:
        rows = [[camera.host, camera.name, camera.hardware, camera.location, camera.address] for camera in found]
        print_table(("host", "name", "model", "location", "address"), rows)
    if not found:
        click.echo(_ALONE.format(seconds=seconds), err=True)
    return 0 if found else EXIT_NO


@command.command(
    epilog=examples(
        "nicu-monitor cameras profiles 192.0.2.10 --username monitor --password-file secrets/camera-1",
        "nicu-monitor cameras profiles camera-1:8000 --no-picture --json",
    )
)
@click.argument("host")
@_with_device
@click.option("--no-picture", is_flag=True, help="Do not open a stream to measure the face.")
@click.option("--json", "as_json", is_flag=True, help="Print an object for a script.")
def profiles(
    host: str,
    username: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    seconds: float,
    *,
    no_picture: bool,
    as_json: bool,
) -> int:
    """List the profiles of the camera HOST, and propose one.

    It is the smallest picture in which the face keeps 80 pixels, at about 10 pictures/s: it costs the least decoding,
    and the face is seen as well. The face is measured in the running picture; nothing is changed. Exit code 1 where no
    profile will do.
    """
    _require_extra()
    from monitor.cameras.onvif import OnvifCamera
    from monitor.cameras.profiles import propose
    from monitor.commands.camera_report import print_profiles, print_proposal

    login = _login(username, password_file)
    with OnvifCamera(host, login, ca_file=ca_file, timeout_seconds=seconds) as camera:
        model, listed = camera.model(), camera.profiles()
        face = None if no_picture else _measured_face(listed, username, password_file, seconds)
        proposal = propose(listed, face)
        if proposal.profile is not None:
            proposal = propose(listed, face, camera.limits(proposal.profile).sizes_px)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "model": model,
                    "profiles": [dataclasses.asdict(profile) for profile in listed],
                    "face": None if face is None else dataclasses.asdict(face),
                    "proposal": dataclasses.asdict(proposal) | {"profile": proposal.profile and proposal.profile.token},
                },
                indent=2,
            )
        )
    else:
        click.echo(f"{camera.address}  {model}".rstrip())
        print_profiles(listed)
        print_proposal(host, proposal)
    return EXIT_NO if proposal.profile is None else 0


@command.command(
    name="set",
    epilog=examples(
        "nicu-monitor cameras set 192.0.2.10 profile_2 --frames-per-second 10 --gop 10 --username admin "
        "--password-file secrets/camera-admin"
    ),
)
@click.argument("host")
@click.argument("profile")
@click.option("--size", "size_px", metavar="WIDTHxHEIGHT", callback=_size, help="Width and height in pixels.")
@click.option("--frames-per-second", type=click.IntRange(1, 120), help="Highest rate.")
@click.option("--gop", type=click.IntRange(1, 1000), help="Pictures from one key frame to the next.")
@click.option("--kbit-per-second", type=click.IntRange(16, 500_000), help="Highest bit rate.")
@_with_device
@click.option("--yes", is_flag=True, help="Do not ask before changing the camera.")
def set_profile(
    host: str,
    profile: str,
    size_px: tuple[int, int] | None,
    frames_per_second: int | None,
    gop: int | None,
    kbit_per_second: int | None,
    username: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    seconds: float,
    *,
    yes: bool,
) -> int:
    """Set the encoder of a PROFILE of the camera HOST.

    Only what is given is changed, after a question that says what that changes.
    Who else watches this profile gets the new picture, too. Exit code 1 where the camera took another value than asked.
    """
    _require_extra()
    from monitor.cameras.encoder import EncoderChange
    from monitor.cameras.onvif import OnvifCamera
    from monitor.commands.camera_report import differences

    change = EncoderChange(size_px, frames_per_second, gop, kbit_per_second)
    if change == EncoderChange():
        raise click.UsageError("say what to set: --size, --frames-per-second, --gop, --kbit-per-second")
    with OnvifCamera(host, _login(username, password_file), ca_file=ca_file, timeout_seconds=seconds) as camera:
        listed = camera.profiles()
        before = next((one for one in listed if one.token == profile), None)
        if before is None:
            tokens = ", ".join(one.token for one in listed)
            raise VideoError(f"{camera.address} has no profile {profile}; it has {tokens}")
        refused = change.refused(before, camera.limits(before))
        if refused is not None:
            raise VideoError(f"profile {profile} of {camera.address} cannot be set to this: {refused}")
        wanted = change.applied_to(before)
        changes = differences(before, wanted)
        if not changes:
            click.echo(f"profile {profile} of {camera.address} is set so already")
            return 0
        shared = [one.token for one in listed if one.encoder == before.encoder and one.token != profile]
        click.echo(f"profile {profile} of {camera.address}:")
        for name, old, new in changes:
            click.echo(f"  {name}: {old} -> {new}")
        if shared:
            click.echo(f"  the same encoder serves {', '.join(shared)}, which changes with it")
        if not yes:
            click.confirm("Change the camera?", abort=True)
        after = camera.change(before, change)
    missed = differences(after, wanted)
    for name, old, new in missed:
        click.echo(f"the camera has {name} {old} now, not {new}", err=True)
    if not missed:
        click.echo("done")
    return EXIT_NO if missed else 0


@command.command(
    name="try",
    epilog=examples(
        "nicu-monitor cameras try rtsp://192.0.2.10:554/stream1 --username monitor --password-file secrets/camera-1",
        "nicu-monitor cameras try 'synthetic://pain?seed=1' --json",
    ),
)
@click.argument("url")
@_with_login
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True, help="Of RTSP.")
@click.option("--allow-basic", is_flag=True, help="Send the password in clear where only that works.")
@click.option("--tls-ca-file", type=click.Path(path_type=Path), help="Authority for rtsps:// and https://.")
@click.option("--no-face", is_flag=True, help="Run no face detection.")
@click.option("--seconds", type=NumberRange(1.0, 120.0), default=8.0, show_default=True, help="To watch, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print an object for a script.")
def try_url(
    url: str,
    username: str | None,
    password_file: Path | None,
    transport: Literal["tcp", "udp"],
    tls_ca_file: Path | None,
    seconds: float,
    *,
    allow_basic: bool,
    no_face: bool,
    as_json: bool,
) -> int:
    """Open the camera at URL as a station would.

    Say what it sends and whether a face is found, and print the `camera:` block to paste. Nothing is stored. Exit
    code 1 where no picture came.
    """
    from monitor.commands.camera_report import camera_block, print_trial

    given = {
        "url": url,
        "username": username,
        "password_file": password_file,
        "transport": transport,
        "allow_basic": allow_basic,
        "tls_ca_file": tls_ca_file,
    }
    settings = _settings({name: value for name, value in given.items() if value is not None})
    trial = _tried(settings, seconds, with_face=not no_face)
    block = camera_block(settings)
    if as_json:
        row = dataclasses.asdict(dataclasses.replace(trial, picture=None)) | {"gop": trial.gop, "camera": block}
        del row["picture"]
        click.echo(json.dumps(row, indent=2))
    else:
        print_trial(trial)
        if trial.error is None:
            click.echo()
            click.echo(yaml.safe_dump({"camera": block}, sort_keys=False, allow_unicode=True, width=1000), nl=False)
            if settings.password is not None:
                click.echo("write the password into that file; it is not printed here", err=True)
    return EXIT_NO if trial.error is not None else 0


def _require_extra() -> None:
    """Say what to install where the client is missing.

    Raises:
        ConfigError: It is.
    """
    try:
        import_module("onveef")
    except ImportError:
        raise ConfigError("this needs the extra onvif: pip install 'nicu-pain-monitor[onvif]'") from None


def _login(username: str | None, password_file: Path | None) -> "Login | None":
    from monitor.cameras.onvif import Login

    if username is None and password_file is None:
        return None
    if username is None or password_file is None:
        raise click.UsageError("--username and --password-file belong together")
    try:
        return Login(username, read_secret_file(password_file))
    except ValueError as error:
        raise ConfigError(f"the password file {password_file} {error}") from None


def _settings(given: dict[str, Any]) -> CameraSettings:
    try:
        return CameraSettings.model_validate(given)
    except ValidationError as error:
        # Pydantic's own sentences repeat what was given, and that may hold a password.
        reasons = "; ".join(str(mistake["msg"]).removeprefix("Value error, ") for mistake in error.errors())
        raise ConfigError(f"the camera's address or login cannot be used: {reasons}") from None


def _tried(settings: CameraSettings, seconds: float, *, with_face: bool) -> "CameraTrial":
    from monitor.cameras.trial import try_camera
    from monitor.station.synthetic_cameras import paint_synthetic_bed

    # The result says what a camera lacks; its log would say it again, in between.
    configure(LogSettings(level="error"))
    with ExitStack() as opened:
        detector = _detector(opened) if with_face else None
        return try_camera(
            settings,
            detector,
            FaceSettings(),
            synthetic=paint_synthetic_bed,
            patience_seconds=max(_PATIENCE_SECONDS, seconds),
            seconds=seconds,
        )


def _detector(opened: ExitStack) -> "FaceDetector | None":
    """Open the face detector; None, and a line that says so, where there is none."""
    from monitor.pipeline.models import ModelSet

    try:
        models = ModelSet(ModelSettings(), FaceSettings()).open()
    except MonitorError as error:
        click.echo(f"no face is looked for: {error}", err=True)
        return None
    opened.callback(models.close)
    return models.detector


def _measured_face(
    profiles: Iterable["VideoProfile"], username: str | None, password_file: Path | None, seconds: float
) -> "FaceShare | None":
    """Measure the face in the largest stream that can be opened; None where none is seen."""
    usable = [profile for profile in profiles if profile.is_usable and not profile.is_shortened]
    if not usable:
        return None
    largest = max(usable, key=lambda profile: profile.pixels_per_second or 0.0)
    click.echo(f"looking for a face in {largest.token} ...", err=True)
    given = {"url": largest.address, "username": username, "password_file": password_file}
    settings = _settings({name: value for name, value in given.items() if value is not None})
    trial = _tried(settings, max(_WATCH_SECONDS, seconds), with_face=True)
    if trial.error is not None:
        click.echo(f"its picture cannot be seen: {trial.error}", err=True)
    return trial.face_share
