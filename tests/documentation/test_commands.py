"""Every command of the documentation is run, or says why it cannot be."""

import shutil
import stat

import pytest
import yaml
from doc_pages import PAGES, REASONS, REPOSITORY, RUN, blocks_of, indented_code

from monitor.config.file import find_mistakes
from monitor.forwarding.settings import read_forward_settings

# What is run by a test of its own, beside what it needs: page to test and languages.
OWN_TESTS = {
    "api.md": ("tests/monitor/web/test_api_docs.py", RUN),
    "subscribe.md": ("tests/monitor/delivery/test_subscribe_page.py", ("python", "js")),
}
# No camera answers at the address of the example, and doctor says so.
UNREACHABLE = "yaml --cameras || test $? -eq 1"
# What takes long is run with smaller numbers, and what opens well-known ports with others.
SHORTER = {
    "README.md": {"make demo": "make demo DEMO_ARGS='--duration 2'", "yaml --cameras": UNREACHABLE},
    "cameras.md": {"yaml --cameras": UNREACHABLE},
    "performance.md": {"--seconds 30": "--seconds 1"},
    "python.md": {"--seconds 20": "--seconds 2"},
    "scale.md": {"--stations 2": "--stations 2 --duration 3"},
    "synthetic.md": {
        "--infants 12": "--infants 2",
        "--seconds 60": "--seconds 1",
        "--scale 1": "--scale 0.1",
        "--infants 49 --seconds 20": "--infants 2 --seconds 1",
        "--count 300": "--count 2",
        "--train 3000 --test 1000": "--train 4 --test 4 --jobs 1",
    },
    "tour.md": {"yaml --cameras": UNREACHABLE},
    "train.md": {
        "--scale 0.5": "--scale 0.15",
        # Ten infants with a picture or two of each state, in two folds, are enough.
        "nicu-trainer ingest cope cope\n": "rm -f cope/S[12]* cope/*_[2-9]*\nnicu-trainer ingest cope cope\n",
        "nicu-trainer cv ": "nicu-trainer cv --jobs 1 --folds 2 ",
        "--epochs 100 --protocol": "--epochs 1 --set training.batch_size=64 --protocol",
        "--epochs 100": "--epochs 1 --set copies=1",
        "--model mimic": "--model mimic --set network.width=8 --set network.depth=1 --epochs 2 --set copies=1 "
        "--set training.schedule.warmup_epochs=1",
        "--epochs 60": "--epochs 2 --set training.schedule.warmup_epochs=1 --set copies=1",
        "--out explained": "--scored 2 --intervened 4 --probed 40 --pictures 2 --method grad-cam --out explained",
        "--out report": "--scored 2 --intervened 4 --probed 40 --pictures 2 --method grad-cam --resamples 200 "
        "--out report",
        "--out tables": "--resamples 200 --out tables",
        "--out folds": "--no-bundle --out folds",
        "--trials 30": "--trials 1 --jobs 1",
        "--seconds 40": "--seconds 2",
    },
}
# Minutes of rendering and training, whose commands have tests of their own: `make slow` runs these pages.
LONG = {"synthetic.md", "train.md"}
NEEDED = {
    "operate.md": {"promtool": "prometheus", "amtool": "prometheus-alertmanager"},
    "subscribe.md": {"redis-cli": "redis-tools"},
    "tour.md": {"curl": "curl"},
}
LANGUAGES = {*RUN, "text", "json", "yaml", "svg"}


def runnable(page):
    _, elsewhere = OWN_TESTS.get(page.name, ("", ()))
    return [
        block
        for block in blocks_of(page)
        if block.language in RUN and block.language not in elsewhere and block.skip is None
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language_and_every_exception_its_reason(page):
    assert indented_code(page) == [], "use a fenced block with a language"
    for block in blocks_of(page):
        assert block.language in LANGUAGES, f"{page.name}:{block.line}"
        assert block.skip is None or block.skip in REASONS, f"{page.name}:{block.line}: {block.skip}"
    fences = page.read_text(encoding="utf-8").count("\n```")
    assert fences == 2 * len(blocks_of(page)), "a fence is not closed, or stands on the first line"


def test_pages_with_tests_of_their_own_have_them():
    for page, (test, _) in OWN_TESTS.items():
        assert page in (REPOSITORY / test).read_text(encoding="utf-8")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in LONG else [])
        for page in PAGES
        if runnable(page)
    ],
)
def test_the_commands_of_a_page_work(page, workplace):
    blocks = runnable(page)
    for program, package in NEEDED.get(page.name, {}).items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {package}")
    workplace.replacements.update(SHORTER.get(page.name, {}))
    done = workplace.run(blocks, {"NICU_PAGE": page.name})
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language == "yaml" for b in blocks_of(page))],
                         ids=lambda page: page.name)  # fmt: skip
def test_every_piece_of_configuration_is_right(page, tmp_path):
    """Each block is a part of a station's configuration, whose rest is the example's, or all of one of `forward`."""
    secret = tmp_path / "secrets" / "file"
    secret.parent.mkdir()
    for block in blocks_of(page):
        if block.language != "yaml":
            continue
        given = yaml.safe_load(block.text)
        for name in set(find_values(given, ("password_file", "users_file", "command_access_file", "tls_ca_file"))):
            (tmp_path / name).write_text("word\n", encoding="utf-8")
            (tmp_path / name).chmod(stat.S_IRUSR | stat.S_IWUSR)
        if "destinations" in given:
            file = tmp_path / "forward.yaml"
            file.write_text(block.text, encoding="utf-8")
            assert read_forward_settings(file).destinations, f"{page.name}:{block.line}"
            continue
        whole = {"beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}], **given}
        file = tmp_path / "station.yaml"
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        assert find_mistakes(file) == [], f"{page.name}:{block.line}"


def find_values(tree, names):
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in names:
                yield value
            yield from find_values(value, names)
    elif isinstance(tree, list):
        for value in tree:
            yield from find_values(value, names)
