"""The manners of the three command lines: help with examples, completion, colours, one sentence for what goes wrong."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from doc_pages import PAGES, blocks_of

import export.cli
import monitor.cli
import trainer.cli
from monitor.cli_framework import EXIT_CODES, LazyGroup, program, run

BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAMS = {
    "nicu-monitor": program("nicu-monitor", "", monitor.cli.COMMANDS),
    "nicu-trainer": program("nicu-trainer", "", trainer.cli.COMMANDS),
    "nicu-export": program("nicu-export", "", export.cli.COMMANDS),
}


def every_command():
    """Return every command and group below the programs: its words, and itself."""

    def below(words, group):
        context = click.Context(group, info_name=words[-1])
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            yield (*words, name), command
            if isinstance(command, click.Group):
                yield from below((*words, name), command)

    return [found for name, group in PROGRAMS.items() for found in below((name,), group)]


COMMANDS = every_command()
IDS = [" ".join(words) for words, _ in COMMANDS]
PARSED = [(words, command) for words, command in COMMANDS if not isinstance(command, click.Group)]


def worked_examples(command):
    epilog = (command.epilog or "").replace("\b", "")
    lines = [line.strip() for line in epilog.splitlines()]
    return [line.removeprefix("Example:").strip() for line in lines if "nicu-" in line]


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=IDS)
def test_help_shows_worked_examples_that_are_right(words, command, monkeypatch):
    monkeypatch.setattr(click.termui, "hidden_prompt_func", lambda _: "a long password")
    text = command.get_help(click.Context(command, info_name=" ".join(words)))
    assert re.search(r"^\s*Examples?:", text, flags=re.MULTILINE)
    lines = worked_examples(command)
    assert lines
    for line in lines:
        arguments = shlex.split(line.split("|")[0].split(">")[0].removeprefix('eval "$(').split(")")[0])
        parse(PROGRAMS[arguments[0]], arguments[0], arguments[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_without_running_it_is_a_command_that_there_is(page):
    for block in blocks_of(page):
        if block.language != "sh" or block.skip is None:
            continue
        for line in block.text.splitlines():
            arguments = shlex.split(line, comments=True)
            program_name = Path(arguments[0]).name if arguments else ""
            if program_name in PROGRAMS and not line.endswith("\\"):
                parse(PROGRAMS[program_name], program_name, arguments[1:])


def parse(group, name, arguments):
    """Parse as click would."""
    context = click.Context(group, info_name=name)
    while isinstance(group, click.Group):
        name, *arguments = arguments
        group = group.get_command(context, name)
        assert group is not None, name
        context = click.Context(group, info_name=name, parent=context)
    group.make_context(name, list(arguments), parent=context.parent)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_and_the_page_explain_what_the_exit_codes_mean(name):
    group = PROGRAMS[name]
    text = " ".join(group.get_help(click.Context(group, info_name=name)).split())
    page = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in text
        assert f"| {code} | {meaning} |" in page


def test_the_page_names_every_command():
    page = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [words for words, _ in COMMANDS if len(words) == 2 and f"`{words[1]}`" not in page] == []


def test_what_scripts_want_is_there_as_json():
    wanted = """monitor check, monitor doctor, monitor run, monitor users list, monitor users token, monitor tail,
        monitor replay, monitor bench, trainer models, trainer audit, trainer compare, export show, export verify,
        export bench"""
    with_json = {" ".join(words) for words, command in COMMANDS if any("--json" in p.opts for p in command.params)}
    assert {f"nicu-{' '.join(words.split())}" for words in wanted.split(",")} <= with_json


def complete(name: str, *words: str) -> list[str]:
    """Ask a real bash what it would offer after these words."""
    script = f"""
        eval "$({name} completion bash)"
        [[ "$(complete -p {name})" == *"-F "* ]] || exit 9
        compopt() {{ :; }}
        COMP_WORDS=({name} {" ".join(shlex.quote(word) for word in words)}); COMP_CWORD={len(words)}
        $(complete -p {name} | sed -E 's/.*-F ([^ ]+).*/\\1/') {name}
        compgen -W "${{COMPREPLY[*]}}" -- {shlex.quote(words[-1])}
    """
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_and_options():
    assert complete("nicu-monitor", "do") == ["doctor"]
    assert complete("nicu-monitor", "users", "re") == ["remove"]
    assert complete("nicu-monitor", "check", "--j") == ["--json"]
    assert complete("nicu-trainer", "sy") == ["synthesize"]
    assert sorted(complete("nicu-export", "verify", "--engine", "onnx")) == ["onnxruntime", "onnxruntime-cuda"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_too(shell):
    done = subprocess.run([BIN / "nicu-monitor", "completion", shell], capture_output=True, text=True, check=True)
    assert f"_NICU_MONITOR_COMPLETE={shell}_complete" in done.stdout


def test_completing_command_names_imports_none_of_them():
    group = LazyGroup(trainer.cli.COMMANDS, name="nicu-trainer")
    for entry in trainer.cli.COMMANDS.values():
        sys.modules.pop(entry.module, None)
    items = group.shell_complete(click.Context(group, info_name="nicu-trainer"), "c")
    assert {item.value for item in items} == {"check-real", "crop", "cv", "compare"}
    assert not any(entry.module in sys.modules for entry in trainer.cli.COMMANDS.values())


def on_a_terminal(command, **changes) -> bytes:
    """Run a command on a terminal of its own and return what it writes there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdout=slave, stderr=slave, stdin=slave, env={**os.environ, "TERM": "xterm-256color", **changes}
    )
    os.close(slave)
    written = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not chunk:
            break
        written += chunk
    os.close(master)
    process.wait(30)
    return written


def test_colours_are_for_terminals_that_want_them(tmp_path):
    command = [str(BIN / "nicu-monitor"), "doctor"]
    assert b"\x1b[" in on_a_terminal(command)
    assert b"\x1b[" not in on_a_terminal(command, NO_COLOR="1")
    assert b"\x1b[" not in subprocess.run(command, capture_output=True, check=False).stdout


def call(capfd, name: str, arguments: list[str]) -> tuple[int, str, str]:
    """Run a program within this process, as its script does."""
    before = sys.argv
    sys.argv = [name, *arguments]
    try:
        with pytest.raises(SystemExit) as ended:
            run(PROGRAMS[name])
    finally:
        sys.argv = before
    out, err = capfd.readouterr()
    code = ended.value.code
    return (0 if code is None else int(code)), out, err


# Everything that names something to read. X stands for what is wrong, D for a folder to write to.
READING = """
    monitor check X
    monitor check X --json
    monitor doctor --config X
    monitor run --config X
    monitor run --config X --self-test
    monitor demo --config X --duration 1
    monitor users list X
    monitor users list X --json
    monitor users remove X anna
    monitor tail --config X --once
    monitor tail --redis redis://127.0.0.1:1 --password-file X --once
    monitor acknowledge a --by nurse --config X
    monitor acknowledge a --by nurse --station s --redis redis://127.0.0.1:1 --token-file X
    monitor pause bed-1 --by nurse --config X
    monitor resume bed-1 --by nurse --config X
    monitor replay X
    monitor replay X --json
    monitor replay X --config configs/example.yaml --bed bed-1
    monitor replay clip.mp4 --config X
    monitor bench --clip X --seconds 1
    trainer ingest table X --out D/m.json
    trainer ingest cope X --out D/m.json
    trainer ingest unifesp X --out D/m.json
    trainer ingest icopevid X --out D/m.json
    trainer crop X --out D/crops
    trainer cv X --out D/run
    trainer tune X --out D/run
    trainer cv --config X --out D/run
    trainer fit X --out D/run
    trainer fit --config X --out D/run
    trainer fit X --judged-by X --out D/run
    trainer audit X
    trainer audit X --json
    trainer compare X
    trainer compare X --json
    trainer explain X --out D/explained
    trainer synthesize check --count 1 --detector X
    trainer fit-detector --detector X --out D/run
    export detector --from X.pth --out D/bundle
    export detector --from retinaface --wheel X --out D/bundle
    export classifier X --out D/bundle
    export verify X
    export engine X --engine tensorrt
    export bench X
    export show X
    export show X --json
"""
WRONG = ["missing", "folder", "garbage", "empty", "link", "dots"]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """What people give by mistake instead of the right file."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "folder").mkdir()
    (folder / "garbage").write_bytes(bytes(range(256)) * 8)
    (folder / "empty").write_bytes(b"")
    (folder / "link").symlink_to(folder / "nowhere")
    return {
        "missing": folder / "missing", "folder": folder / "folder", "garbage": folder / "garbage",
        "empty": folder / "empty", "link": folder / "link", "dots": folder / "garbage" / "below",
    }  # fmt: skip


@pytest.mark.parametrize("line", [line.strip() for line in READING.strip().splitlines()])
@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_read_is_reported_in_a_sentence(line, kind, wrong, tmp_path, capfd):
    words = [word.replace("X", str(wrong[kind]), 1).replace("D", str(tmp_path), 1) if word[0] in "XD" else word
             for word in line.split()]  # fmt: skip
    code, out, err = call(capfd, f"nicu-{words[0]}", words[1:])
    assert code in {1, 2, 3}, out + err
    assert "Traceback" not in out + err
    printed = err.strip() or out.strip()
    assert printed, "it said nothing"
    if "--json" in words and code == 1:
        json.loads(out)


# What writes, to where nothing can be written.
WRITING = """
    monitor demo --duration 1 --summary X
    monitor users token X anna
    monitor replay CLIP --alerts X
    monitor replay CLIP --observations X
    monitor replay CLIP --annotate X
    trainer synthesize stills --infants 2 --per-infant 1 --out X
    trainer synthesize video --seconds 0.2 --out X
    export verify monitor/bundles/ncnn-demo --engine onnxruntime --report X
    export bench monitor/bundles/ncnn-demo --engine onnxruntime --batch 1 --threads 1 --rounds 1 --report X
    export classifier missing --out X
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    words = f"synthesize video --seconds 0.4 --fps 5 --seed 1 --out {folder}".split()
    PROGRAMS["nicu-trainer"].main(words, standalone_mode=False)
    return folder / "pain-1.mp4"


@pytest.mark.parametrize("line", [line.strip() for line in WRITING.strip().splitlines()])
@pytest.mark.parametrize("kind", ["folder", "dots"])
def test_what_cannot_be_written_is_reported_in_a_sentence(line, kind, wrong, clip, capfd):
    words = [str(wrong[kind]) if word == "X" else str(clip) if word == "CLIP" else word for word in line.split()]
    if kind == "folder" and "--out" in words:
        words[words.index("--out") + 1] = str(wrong["garbage"])
    code, out, err = call(capfd, f"nicu-{words[0]}", words[1:])
    assert code in {2, 3}, out + err
    assert "Traceback" not in out + err
    assert err.strip()
