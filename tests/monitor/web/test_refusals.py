"""A refusal has a code for programs and a sentence in the reader's language, wherever it arises."""

import ast
import itertools
from pathlib import Path

import pytest

import monitor
from monitor.config import AlarmSettings
from monitor.control.bed_scope import BedScope
from monitor.control.requests import checked_infant, checked_reason
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import LANGUAGES, Localizer
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.occupancy import BedStatement
from monitor.pain.procedure import ProcedureKind
from monitor.web.refusals import RefusalRecord

UNKNOWN_BED = {"en": "there is no such bed", "pt-BR": "esse leito não existe", "es": "esa cama no existe"}


def bed():
    numbers = itertools.count()
    return BedAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")


def emptied():
    empty = bed()
    empty.discharge("nurse 7", 0.0)
    return empty


def refusal_of(act):
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: bed().pause("nurse 7", 0.0, 1e6), RefusalCode.PAUSE_TOO_LONG),
        (lambda: bed().standby("nurse 7", 0.0, 1e6), RefusalCode.STANDBY_TOO_LONG),
        (lambda: bed().standby("nurse 7", 0.0), RefusalCode.STANDBY_ENDLESS),
        (lambda: emptied().standby("nurse 7", 1.0, 60.0), RefusalCode.BED_EMPTY),
        (lambda: bed().begin_procedure("nurse 7", 0.0, ProcedureKind.HEEL_LANCE, 1e6), RefusalCode.PROCEDURE_TOO_LONG),
        (lambda: emptied().begin_procedure("nurse 7", 1.0, ProcedureKind.HEEL_LANCE), RefusalCode.BED_EMPTY),
        (lambda: emptied().undo(BedStatement.DISCHARGE, "nurse 7", 99.0), RefusalCode.UNDO_TOO_LATE),
        (lambda: checked_infant("Anna Maria"), RefusalCode.PSEUDONYM_WRONG),
        (lambda: checked_reason("a" * 201), RefusalCode.REASON_WRONG),
        (lambda: BedScope.parse("bed 1;"), RefusalCode.BEDS_WRONG),
    ],
)
def test_what_is_refused_has_a_code_and_is_said_in_every_language(act, code):
    refused = refusal_of(act)
    assert refused.code is code
    said = {language: Localizer(language)(refused.words) for language in LANGUAGES}
    assert said["en"] == str(refused)
    assert len(set(said.values())) == len(LANGUAGES)


def test_the_api_answers_with_the_code_and_in_the_language_of_who_asks(open_rig):
    client = open_rig.client()

    def answer(**headers):
        refused = client.get("/api/v1/beds/bed-9", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (404, "bed_unknown")
        return refused.json()["detail"]

    for language, words in UNKNOWN_BED.items():
        assert answer(**{"Accept-Language": f"fr, {language};q=0.9"}) == words
        # What a person has chosen on the page goes before what the browser asks for.
        assert answer(**{"Cookie": f"nicu_language={language}", "Accept-Language": "es"}) == words
    assert answer(**{"Accept-Language": "pt-PT, *"}) != UNKNOWN_BED["pt-BR"], "no catalogue of ours"
    assert answer() == UNKNOWN_BED["en"]
    nobody = client.post("/api/v1/beds/bed-1/pause", headers={"Accept-Language": "pt"})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "name_wrong")
    assert nobody.json()["detail"].startswith("diga quem é")
    wrong = client.post("/api/v1/beds/bed-1/pause", json={"by": "nurse 7", "seconds": -1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "values_wrong")


def test_who_may_not_and_who_is_not_logged_in_learn_why(rig):
    client = rig.client()
    viewer = {"Authorization": "Bearer " + "t" * 43, "Accept-Language": "es"}
    refused = client.post("/api/v1/beds/bed-1/admit", headers=viewer)
    assert (refused.status_code, refused.json()) == (
        403,
        {"code": "role_missing", "detail": "esto requiere la función nurse"},
    )
    out = client.get("/api/v1/beds", headers={"Accept-Language": "pt-BR"})
    assert (out.status_code, out.json()) == (401, {"code": "not_logged_in", "detail": "entre primeiro"})
    assert out.headers["www-authenticate"] == "Bearer"


def test_the_description_for_machines_names_the_codes_of_every_refusal(open_rig):
    document = open_rig.client().get("/openapi.json").json()
    refusals = {
        (path, status)
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if int(status) >= 400
        and status != "422"
        and answer["content"]["application/json"]["schema"] != {"$ref": "#/components/schemas/RefusalRecord"}
    }
    assert refusals == set()
    assert set(document["components"]["schemas"]["RefusalCode"]["enum"]) == set(RefusalCode)
    assert RefusalRecord.model_validate({"code": "bed_empty", "detail": "x"}).code is RefusalCode.BED_EMPTY


def test_no_refusal_is_written_as_a_plain_sentence():
    plain = []
    for file in Path(monitor.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_refusal = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RefusedError"
            if is_refusal and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                plain.append(f"{file}:{node.lineno}")
    assert plain == []
