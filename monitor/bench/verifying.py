"""Has `nicu-export verify` compare the bundles of a station with the engines that nobody compared them with yet."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.engine_factory import ENGINES, GPU_ENGINES, REDUCED_ENGINES, missing_reason, outcome_here
from monitor.inference.manifest import EngineName

__all__ = ["unverified_engines", "verify_bundles"]

_TIMEOUT_SECONDS = 3600.0
_PASSED_OR_FAILED = {0, 1}
"""Exit codes of a verification that ran to its end: its outcome is in the bundle either way."""


def unverified_engines(bundle: Bundle) -> tuple[EngineName, ...]:
    """Return the engines that are here and have not been compared with every file of a bundle that they may run.

    TensorRT is left out: what is compared there is a plan, which has to be built first. An outcome of another version
    of an engine or another processor is none where fewer bits are computed with, see `outcome_here`.

    Args:
        bundle: What would be run.
    """
    return tuple(
        name
        for name in ENGINES
        if not name.startswith("tensorrt")
        and missing_reason(name) is None
        and any(
            outcome_here(bundle, variant, name) is None
            for variant in bundle.manifest.variants
            if variant.precision != "int8" or name not in GPU_ENGINES | REDUCED_ENGINES
        )
    )


def verify_bundles(bundles: Sequence[Bundle], *, progress: Callable[[str], None] = lambda _: None) -> None:
    """Run `nicu-export verify` for whatever is unverified; it writes its outcome into the bundles.

    A process of its own, because this package knows nothing of the one that makes and verifies bundles.

    Args:
        bundles: Which ones; those that lack nothing are left alone.
        progress: Called with one line before each verification.

    Raises:
        EngineError: The verification could not be run, or could not write its outcome.
    """
    program = Path(sys.executable).with_name("nicu-export")
    for bundle in bundles:
        engines = unverified_engines(bundle)
        if not engines:
            continue
        progress(f"verifying bundle {bundle.name} with {', '.join(engines)}")
        command = [str(program), "verify", str(bundle.path), *(part for name in engines for part in ("--engine", name))]
        try:
            done = subprocess.run(  # noqa: S603 - a program of this installation
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except OSError as error:
            raise EngineError(f"{program} cannot be run ({error.strerror}); install this program again") from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"the verification of bundle {bundle.name} took over an hour and was ended") from error
        # A refusal ends with 1 too, and prints no table.
        if done.returncode not in _PASSED_OR_FAILED or not done.stdout.strip():
            lines = done.stderr.strip().splitlines()
            reason = lines[-1] if lines else f"exit code {done.returncode}"
            raise EngineError(f"bundle {bundle.name} could not be verified: {reason}")
