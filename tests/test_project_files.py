"""The files around the code agree with each other: one version, one list of Pythons, workflows that can run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_every_file_names_the_same_version():
    version = PROJECT["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version
    assert f"image: nicu-monitor:{version}" in read("deploy/compose/compose.yaml")
    assert f"newTag: {version}" in read("deploy/kubernetes/kustomization.yaml")
    sections = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert sections[:2] == ["Unreleased", version]


def test_the_workflow_tries_every_python_that_the_package_names():
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    tried = {row["python"] for row in workflow["jobs"]["check"]["strategy"]["matrix"]["include"]}
    named = {word.removeprefix("Programming Language :: Python :: ") for word in PROJECT["classifiers"] if "3." in word}
    assert tried == named


def test_workflows_and_hooks_run_targets_and_programs_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    used = set(re.findall(r"\bmake ([a-z-]+)", read(".github/workflows/ci.yml"))) - {"python"}
    assert used <= targets
    [local] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    for hook in local["hooks"]:
        program = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert (Path(sys.executable).parent / program).exists()


FORMS = (".github/ISSUE_TEMPLATE/fault.yml", ".github/ISSUE_TEMPLATE/wish.yml")
SCHEMAS = {
    "github-workflows": (".github/workflows/ci.yml",),
    "github-issue-forms": FORMS,
    "github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
    "citation-file-format": ("CITATION.cff",),
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_the_forge_fit_their_schemas(schema):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema]]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_passwords_beside_the_compose_file_reach_neither_git_nor_a_build():
    compose = yaml.safe_load(read("deploy/compose/compose.yaml"))
    files = [f"deploy/compose/{secret['file'].removeprefix('./')}" for secret in compose["secrets"].values()]
    assert files
    for file in [*files, "deploy/compose/.env"]:
        kept_out = subprocess.run(["git", "check-ignore", "--quiet", file], cwd=REPOSITORY, check=False)
        assert kept_out.returncode == 0, f".gitignore: {file}"
        assert {file, file.rpartition("/")[0]} & set(read(".dockerignore").split()), f".dockerignore: {file}"


def test_every_form_for_issues_is_checked():
    forms = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml")}
    assert forms - {".github/ISSUE_TEMPLATE/config.yml"} == set(FORMS)


def test_the_bill_of_materials_names_every_pinned_package(tmp_path):
    pytest.importorskip("cyclonedx_py", reason="needs the extra audit: pip install -e '.[audit]'")
    constraints = REPOSITORY / "deploy" / "constraints.txt"
    out = tmp_path / "sbom.json"
    command = [Path(sys.executable).with_name("cyclonedx-py"), "requirements", str(constraints)]
    options = ["--pyproject", str(REPOSITORY / "pyproject.toml"), "--output-reproducible", "--output-file", str(out)]
    subprocess.run([*command, *options], check=True, capture_output=True)
    pinned = {tuple(line.split("==")) for line in constraints.read_text().splitlines() if not line.startswith("#")}
    bill = json.loads(out.read_text(encoding="utf-8"))
    assert {(part["name"], part["version"]) for part in bill["components"]} == pinned
    assert all(part["purl"] for part in bill["components"])
    assert bill["metadata"]["component"]["version"] == PROJECT["version"]


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="this run has no workers")
def test_tests_that_share_what_is_expensive_stay_in_one_worker(request):
    """A pytest that pytest-xdist does not know ran them anywhere, each worker with servers and models of its own."""
    assert request.node.nodeid.endswith("@tests/test_project_files.py")
