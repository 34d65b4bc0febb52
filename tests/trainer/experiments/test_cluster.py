"""Trainings on a Ray cluster of two nodes on this machine: the same numbers, and a node may die; `make cluster`."""

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from click.testing import CliRunner
from ports import free_port

from trainer.checkpoint import read_model
from trainer.commands.cv import command as cv
from trainer.commands.fit import command as fit
from trainer.commands.tune import command as tune
from trainer.errors import TrainingError
from trainer.experiments import cross_validate, read_config
from trainer.experiments.cluster import Cluster
from trainer.training import NullListener

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="no Ray: pip install 'nicu-pain-monitor[cluster]'"
    ),
]

TOKEN = "t" * 64
FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 6, "patience_epochs": 6, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "device": "cpu"},
    "augmentation": "light",
    "members": 1,
}
OPTIONS = ["--model", "mimic", "--device", "cpu"]
for setting in ("network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "augmentation=light"):
    OPTIONS += ["--set", setting]
OPTIONS += ["--set", "training.batch_size=8", "--set", "training.schedule.warmup_epochs=0"]


@pytest.fixture(scope="module")
def manifest(paint_study):
    return paint_study(subjects=6, each=6).folder.with_suffix(".csv")


@pytest.fixture(scope="module")
def config(manifest):
    return read_config(None, FIELDS | {"manifest": str(manifest)})


@pytest.fixture(scope="module", autouse=True)
def patch():
    """Set what Ray reads when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        # A busy machine needs more than Ray allows.
        patch.setenv("RAY_agent_register_timeout_ms", "200000")
        yield patch


@pytest.fixture(scope="module")
def nodes(patch):
    """A cluster of two nodes with one core each, with a token and no dashboard; the last test kills the second."""
    import ray
    from ray._private import services
    from ray.cluster_utils import Cluster as LocalCluster

    patch.setattr(services, "get_node", _patient(services.get_node))
    patch.setattr(services, "start_raylet", _knowing_its_ports(services.start_raylet))
    local = LocalCluster()
    # Neither scales by itself nor collects logs: two programs less to start.
    local.add_node(num_cpus=1, include_dashboard=False, no_monitor=True, include_log_monitor=False, **agent_ports())
    second = local.add_node(num_cpus=1, include_log_monitor=False, **agent_ports())
    yield local, second
    ray.shutdown()
    local.shutdown()


PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")


def agent_ports():
    """Return ports of a node's agents."""
    return {name: free_port() for name in PORTS}


def _knowing_its_ports(start):
    """Return a start of a node that finds its agents' ports: on a busy machine it would not wait long enough."""
    from ray._raylet import persist_port

    def start_raylet(*arguments, **options):
        bound = inspect.signature(start).bind(*arguments, **options).arguments
        for name in PORTS:
            persist_port(bound["session_dir"], bound["node_id"], name, bound[name])
        return start(*arguments, **options)

    return start_raylet


def _patient(ask):
    """Return a question that waits for its answer: Ray gives a node 30 s to start, which a busy machine exceeds."""

    def wait(*arguments):
        give_up = time.monotonic() + 120
        while True:
            try:
                return ask(*arguments)
            except RuntimeError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.5)

    return wait


class _Listener(NullListener):
    """Notes which epochs of a training ended, and what is said of it."""

    def __init__(self, title, seen, notes):
        self._title, self._seen, self._notes = title, seen, notes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def epoch_done(self, report):
        self._seen.append((self._title, report.epoch))

    def note(self, message):
        self._notes.append(message)


def run(command, *arguments):
    """Run a command, and return its time in seconds."""
    began = time.monotonic()
    result = CliRunner().invoke(command, [str(item) for item in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    seconds = time.monotonic() - began
    print(f"{command.name} {'there' if '--cluster' in arguments else 'here'}: {seconds:.1f} s")
    return seconds


def test_repeated_folds_on_two_nodes_have_the_numbers_of_one_machine(manifest, nodes, tmp_path):
    options = [manifest, *OPTIONS, "--epochs", "6", "--repeats", "3"]
    run(cv, *options, "--jobs", "1", "--out", tmp_path / "here")
    run(cv, *options, "--cluster", nodes[0].address, "--out", tmp_path / "there")
    names = ["predictions.csv", "inner.csv", "folds.json"]
    for name in [*names, "repeats/seed-1/predictions.csv", "repeats/seed-2/inner.csv", "repeats.json"]:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name


def test_two_nodes_do_the_work_of_one_sooner(manifest, nodes, tmp_path):
    """Print the speed-up in two rounds; other work on the machine makes it smaller."""
    options = [manifest, *OPTIONS, "--epochs", "30", "--repeats", "4", "--set", "training.patience_epochs=30"]
    for number in (1, 2):
        here = run(cv, *options, "--jobs", "1", "--out", tmp_path / f"here-{number}")
        there = run(cv, *options, "--cluster", nodes[0].address, "--out", tmp_path / f"there-{number}")
        print(f"round {number}: {here / there:.2f} times as fast on two nodes")
    names = ("predictions.csv", "repeats/seed-3/predictions.csv")
    assert all(
        (tmp_path / "here-1" / name).read_bytes() == (tmp_path / "there-1" / name).read_bytes() for name in names
    )


def test_a_final_model_from_another_node_is_the_same(manifest, nodes, tmp_path):
    options = [manifest, *OPTIONS, "--epochs", "4", "--name", "one"]
    run(fit, *options, "--out", tmp_path / "here")
    run(fit, *options, "--cluster", nodes[0].address, "--out", tmp_path / "there")
    here, there = (read_model(tmp_path / name / "model.pt").network.state_dict() for name in ("here", "there"))
    assert here.keys() == there.keys()
    assert all((here[name] == there[name]).all() for name in here)


def test_a_search_on_two_nodes_finds_what_one_machine_finds(manifest, nodes, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra tune: pip install -e '.[tune]'")
    options = [manifest, *OPTIONS, "--epochs", "3", "--trials", "3"]
    run(tune, *options, "--jobs", "1", "--out", tmp_path / "here")
    run(tune, *options, "--cluster", nodes[0].address, "--out", tmp_path / "there")
    here, there = (_training(tmp_path / name) for name in ("here", "there"))
    assert [fold["trials"] for fold in here] == [fold["trials"] for fold in there]
    assert (tmp_path / "here" / "predictions.csv").read_bytes() == (tmp_path / "there" / "predictions.csv").read_bytes()


def test_a_cluster_is_used_with_its_token_only(nodes, tmp_path):
    local, _ = nodes
    program = f"""
from trainer.errors import SettingsError
from trainer.experiments.cluster import Cluster
try:
    Cluster({local.address!r})
except SettingsError as error:
    print(error)
"""

    def said(**environment):
        answer = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **environment},
        )
        return answer.stdout + answer.stderr

    wrong = said(RAY_AUTH_TOKEN="w" * 64)
    assert wrong.startswith(f"the Ray cluster at {local.address} refuses this token; ")
    assert len(wrong.splitlines()) == 1
    none = said(RAY_AUTH_TOKEN="", RAY_AUTH_TOKEN_PATH="", HOME=str(tmp_path))
    assert none.startswith(f"the Ray cluster at {local.address} refuses this token; "), none
    open_door = said(RAY_AUTH_MODE="disabled")
    assert open_door.startswith("RAY_AUTH_MODE is not `token`: ")
    assert len(open_door.splitlines()) == 1


def test_a_cluster_of_another_version_of_ray_is_named_as_such(nodes, monkeypatch):
    import ray

    local, _ = nodes
    monkeypatch.setattr(ray, "__version__", "1.0.0")
    with pytest.raises(TrainingError) as raised:
        Cluster(local.address)
    sentence = str(raised.value)
    assert sentence.startswith(f"the Ray cluster at {local.address} cannot be used: ")
    assert "version" in sentence.lower()
    assert len(sentence.splitlines()) == 1


def test_a_node_that_dies_costs_its_last_epoch(config, nodes, tmp_path):
    local, second = nodes
    longer = config.model_copy(update={"training": config.training | {"epochs": 24, "patience_epochs": 24}})
    cross_validate(longer, tmp_path / "here")
    planned = sum(sum(fold["epochs"]) for fold in _training(tmp_path / "here"))
    seen, notes, ended = [], [], threading.Event()

    def kill_one():
        """Kill the second node while each node is amid a fold."""
        while not ended.is_set():
            epochs = Counter(title for title, _ in list(seen))
            if sum(3 <= count <= 12 for count in epochs.values()) == 2:
                local.remove_node(second, allow_graceful=False)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=kill_one)
    thread.start()
    try:
        with Cluster(local.address) as cluster:
            cross_validate(longer, tmp_path / "there", lambda title, *_: _Listener(title, seen, notes), cluster=cluster)
    finally:
        ended.set()
        thread.join()
    predictions = [(tmp_path / name / "predictions.csv").read_bytes() for name in ("here", "there")]
    assert predictions[0] == predictions[1]
    (resumed,) = notes
    after = int(re.search(r"resuming after epoch (\d+) from", resumed).group(1))
    assert after >= 3
    # An epoch is reported once it is stored: only the one that was going on was trained a second time.
    assert max(Counter(seen).values()) == 1
    assert planned - 1 <= len(seen) <= planned, "one report may have died with its node"


def _training(folder):
    return json.loads((folder / "metrics.json").read_text())["training"]
