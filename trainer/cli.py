"""The command line `nicu-trainer`."""

from typing import NoReturn

from monitor.cli_framework import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {
    "ingest": LazyCommand("trainer.commands.ingest", "take a data set in: check every file, write a manifest"),
    "merge": LazyCommand("trainer.commands.merge", "make one manifest of several data sets"),
    "crop": LazyCommand("trainer.commands.crop", "find and cut the face of every picture, as the monitor will"),
    "synthesize": LazyCommand(
        "trainer.commands.synthesize", "draw synthetic infants: stills, videos, stand-ins for restricted data sets"
    ),
    "models": LazyCommand("trainer.commands.models", "list the models that can be trained"),
    "cv": LazyCommand("trainer.commands.cv", "cross-validate a model: every fold trained, tested, evaluated"),
    "tune": LazyCommand("trainer.commands.tune", "search settings inside each fold, and test what was found"),
    "audit": LazyCommand(
        "trainer.commands.audit", "prove that nothing tested was seen before, or measure how much was"
    ),
    "compare": LazyCommand("trainer.commands.compare", "print Table 1 for several runs, and paired differences"),
    "explain": LazyCommand("trainer.commands.explain", "draw where a network looks, and score it"),
    "report": LazyCommand("trainer.commands.report", "write everything about several runs on one page"),
    "reproduce": LazyCommand(
        "trainer.commands.reproduce", "make the dissertation's Table 1 and Figure 2 from the two data sets' folders"
    ),
    "fit": LazyCommand("trainer.commands.fit", "train the final model and write the bundle that the monitor loads"),
    "evaluate": LazyCommand(
        "trainer.commands.evaluate", "test a trained model on held-out pictures or another data set"
    ),
    "check-real": LazyCommand(
        "trainer.commands.check_real", "measure faces and scores on a folder of labelled pictures of real infants"
    ),
    "evaluate-clips": LazyCommand(
        "trainer.commands.evaluate_clips", "run the whole monitor on labelled videos and count its alarms"
    ),
    "power": LazyCommand("trainer.commands.power", "say what so many infants can show"),
    "fit-detector": LazyCommand(
        "trainer.commands.fit_detector", "teach the face detector tape, tubes and masks on synthetic infants"
    ),
    "demo-model": LazyCommand("trainer.commands.demo_model", "train the demo model on synthetic infants"),
}


def main() -> NoReturn:
    """Run `nicu-trainer`."""
    run(
        program(
            "nicu-trainer",
            "Train and evaluate classifiers of pain in newborns' faces.",
            COMMANDS,
        )
    )
