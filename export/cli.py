"""The command line `nicu-export`."""

from typing import NoReturn

from monitor.cli_framework import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {
    "detector": LazyCommand("export.commands.detector", "Build the face detector's bundle from pre-trained weights."),
    "mesh": LazyCommand("export.commands.mesh", "Build the face mesh's bundle from pre-trained weights."),
    "actions": LazyCommand("export.commands.actions", "Build the classifier of facial actions on the face mesh."),
    "classifier": LazyCommand("export.commands.classifier", "Build a bundle from a trained classifier."),
    "verify": LazyCommand("export.commands.verify", "Prove that every model and engine of a bundle is the same."),
    "engine": LazyCommand("export.commands.engine", "Build TensorRT engines for the models of a bundle."),
    "bench": LazyCommand("export.commands.bench", "Time the models of a bundle, engine by engine."),
    "show": LazyCommand("export.commands.show", "Check a bundle and describe it."),
}


def main() -> NoReturn:
    """Run `nicu-export`."""
    run(
        program(
            "nicu-export",
            "Turn trained networks into verified model bundles and engines.",
            COMMANDS,
        )
    )
