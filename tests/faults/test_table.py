"""docs/reliability.md has a row for every fault test that there is, and of none that is gone."""

import ast
from pathlib import Path

from reliability import MOST_PUBLISHED, Measurement, Record, load, store
from reliability_table import FOLDER, OBJECTIVES, PAGE, REPOSITORY, RESULTS, with_tables


def fault_tests() -> dict[str, str]:
    """Every test below tests/faults with the text of its decorators, as `file::name`."""
    found = {}
    for path in sorted(FOLDER.rglob("test_*.py")):
        if path == Path(__file__):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = f"{path.relative_to(REPOSITORY)}::{node.name}"
                found[name] = "\n".join(ast.unparse(decorator) for decorator in node.decorator_list)
    return found


def test_every_fault_test_says_what_it_promises():
    assert [name for name, marks in fault_tests().items() if "pytest.mark.fault(" not in marks] == []


def test_every_fault_test_has_a_row_and_no_row_is_without_its_test():
    tests, rows = fault_tests(), {record.test for record in load(RESULTS)}
    assert rows <= set(tests), "run `make reliability`"
    # What only `make faults-slow` runs has a row from its first run on.
    assert {name for name in set(tests) - rows if "pytest.mark.slow" not in tests[name]} == set()


def test_every_objective_is_shown_by_a_test():
    assert {record.slo for record in load(RESULTS)} - {""} == set(OBJECTIVES)


def test_the_page_is_what_the_results_make():
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run `make reliability`"


def _record(load_per_core: float, measurements: list[Measurement]) -> Record:
    return Record("file::test", "", "a fault", "how", "a promise", "", measurements, load_per_core)


def test_a_duration_of_a_busy_machine_is_not_published(tmp_path, monkeypatch):
    """Its limit was stretched: "99 % within 0.5 s" was passed at 5 s."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))  # the result says how busy it was
    path, busy = tmp_path / "results.json", 10 * MOST_PUBLISHED
    measurements = [Measurement("late", 4.0, 0.5, "s"), Measurement("lost", 0, 0, "alerts")]
    assert store(_record(busy, list(measurements)), path) is True
    assert [item.name for item in load(path)[0].measurements] == ["lost"]
    # Where a result is there already, it stays.
    before = path.read_text(encoding="utf-8")
    assert store(_record(busy, list(measurements)), path) is False
    assert path.read_text(encoding="utf-8") == before
    # What is no duration is the same on every machine.
    assert store(_record(busy, measurements[1:]), path) is True
    assert load(path)[0].load == busy


def test_a_duration_of_a_quiet_machine_is_published(tmp_path, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    path = tmp_path / "results.json"
    assert (
        store(_record(MOST_PUBLISHED, [Measurement("late", 0.4, 0.5, "s"), Measurement("late", 0.2, 0.5, "s")]), path)
        is True
    )
    assert [item.value for item in load(path)[0].measurements] == [0.4]
    assert store(_record(0.1, [Measurement("late", 0.3, 0.5, "s")]), path) is True
    assert [item.value for item in load(path)[0].measurements] == [0.3]
