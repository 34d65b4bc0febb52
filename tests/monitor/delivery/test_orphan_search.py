"""Alerts that a lost state directory left on in Redis are found, and no others."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alerts import make_draft
from hypothesis import given
from hypothesis import strategies as st
from redis_server import RedisServer, wait_until

from monitor.alerts.record import AlertDraft, GenerationMode
from monitor.board import BedInfo, Board
from monitor.clock import ManualClock, SystemClock
from monitor.config import SpoolSettings
from monitor.delivery.claims import Claims
from monitor.delivery.keys import Keys
from monitor.delivery.orphan_search import OrphanSearch
from monitor.delivery.publisher import Publisher
from monitor.pain.vocabulary import Phase, Signal
from monitor.station.left_alerts import LeftAlerts
from monitor.station.outputs import StationOutputs
from monitor.telemetry.metrics import StationMetrics

Entry = tuple[str, dict[str, str]]
_PAGE = 3
_LIFE_SECONDS = 1.0


@pytest.fixture
def start(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[..., Publisher]]:
    """Start publishers of station-1 that end what an earlier run left on, as a station does."""
    publishers: list[Publisher] = []

    def make(directory: str = "state", restored: tuple[AlertDraft, ...] = ()) -> Publisher:
        settings = redis_server.settings().model_copy(update={"state_ttl_seconds": _LIFE_SECONDS})
        publisher = Publisher(settings, SpoolSettings(directory=tmp_path / directory), "station-1", SystemClock())
        publishers.append(publisher)
        outputs = StationOutputs(
            publisher,
            StationMetrics("station-1", GenerationMode.TEST, SystemClock()),
            Board([BedInfo("bed-1", "bed-1-camera")], SystemClock(), on_level=0.6),
        )
        left = LeftAlerts(outputs, {"bed-1"}, SystemClock(), lambda _event, _details: None)
        publisher.restore(restored)
        publisher.start(take_left=left.end)
        return publisher

    yield make
    for publisher in publishers:
        publisher.stop(2.0)


def newest(server: RedisServer) -> dict[str, dict[str, object]]:
    records = [json.loads(fields["alert"]) for _, fields in server.client().xrange("nicu:alerts")]
    return {record["alert_id"]: record for record in records}


def run_with_alerts(start: Callable[..., Publisher], *drafts: AlertDraft) -> None:
    publisher = start()
    publisher.submit(drafts)
    wait_until(lambda: publisher.stats().published == len(drafts), 10)
    publisher.stop()


def test_what_a_lost_state_directory_left_on_is_ended_and_nothing_else(start, redis_server, tmp_path) -> None:
    over = make_draft("over")
    run_with_alerts(
        start,
        make_draft("on"),
        make_draft("latched", Phase.END, condition_present=False, signal=Signal.LATCHED),
        over,
        make_draft("over", Phase.END),
        make_draft("of a bed that left", bed="bed-9"),
        make_draft("of another station").model_copy(update={"station": "station-2"}),
    )
    shutil.rmtree(tmp_path / "state")
    publisher = start()
    publisher.submit([make_draft("new")])
    wait_until(lambda: not newest(redis_server)["of a bed that left"]["condition_present"], 15)
    wait_until(lambda: publisher.stats().backlog_count == 0, 10)
    records = newest(redis_server)
    for alert_id in ("on", "latched", "of a bed that left"):
        record = records[alert_id]
        assert (record["phase"], record["signal"], record["validity"]) == ("end", "off", "questionable"), alert_id
    assert "could not be read" in records["on"]["detail"]
    assert "left the configuration" in records["of a bed that left"]["detail"]
    assert records["new"]["condition_present"]
    assert records["of another station"]["condition_present"]
    assert [r["alert_id"] for r in records.values() if r["determined_at"] < r["onset_at"]] == []
    assert redis_server.client().xlen("nicu:alerts") == 6 + 1 + 3


def test_what_this_run_goes_on_with_is_left_alone(start, redis_server) -> None:
    on = make_draft("on")
    run_with_alerts(start, on)
    publisher = start(restored=(on,))
    wait_until(lambda: publisher._orphans._is_done, 15)
    assert newest(redis_server)["on"]["condition_present"]
    assert redis_server.client().xlen("nicu:alerts") == 1


def test_the_alerts_of_a_living_station_of_the_same_id_are_not_ended(start, redis_server) -> None:
    first = start("a")
    first.submit([make_draft("on")])
    wait_until(lambda: first.stats().published == 1, 10)
    second = start("b")
    wait_until(lambda: "uses the id station-1" in (second.stats().redis_failure or ""), 10)
    wait_until(lambda: second._orphans._pages_left == 0, 10)
    ticks: list[int] = []
    client = redis_server.client()
    wait_until(lambda: ticks.append(client.pttl("nicu:claim:station:station-1")) or len(ticks) > 30, 10)
    assert newest(redis_server)["on"]["condition_present"]
    assert client.xlen("nicu:alerts") == 1


class StoredStream:
    """A stream that is a list."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    def tip(self) -> str:
        return self._entries[-1][0] if self._entries else "0-0"

    def page_until(self, end: str) -> list[Entry]:
        earlier = [entry for entry in self._entries if _order(entry[0]) <= _order(end)]
        return earlier[::-1][:_PAGE]


class SettledClaims(Claims):
    """Those of a station that is alone."""

    def __init__(self) -> None:
        super().__init__(Keys("nicu", "station-1"), ManualClock(), _LIFE_SECONDS)

    @property
    def is_alone(self) -> bool:
        return True


def _order(stream_id: str) -> tuple[int, ...]:
    return tuple(map(int, stream_id.split("-")))


_CHANGES = st.tuples(
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["station-1", "station-2"]),
    st.sampled_from([Phase.START, Phase.END]),
)


@given(
    before=st.lists(_CHANGES, max_size=15), after=st.lists(_CHANGES, max_size=4), known=st.sets(st.sampled_from("abcd"))
)
def test_whatever_the_stream_holds_exactly_the_unknown_alerts_that_were_on_are_found(before, after, known) -> None:
    entries: list[Entry] = [
        (f"{1 + number // 2}-{number % 2}", _fields(*change)) for number, change in enumerate([*before, *after])
    ]
    stream = StoredStream(entries[: len(before)])
    search = OrphanSearch("station-1", lambda: known, with_beds=True)
    search.begin(stream)
    stream = StoredStream(entries)
    found = [draft for _ in range(10) for draft in search.turn(stream, SettledClaims())]
    last = {alert_id: (station, phase) for alert_id, station, phase in before}
    on = {alert_id for alert_id, newest_one in last.items() if newest_one == ("station-1", Phase.START)}
    assert sorted(draft.alert_id for draft in found) == sorted(on - known)


def test_a_long_stream_is_searched_for_a_hundred_pages_and_no_further() -> None:
    names = [f"a{number}" for number in range(1, 304)]
    stream = StoredStream([(f"{name[1:]}-0", _fields(name, "station-1", Phase.START)) for name in names])
    search = OrphanSearch("station-1", set, with_beds=True)
    search.begin(stream)
    found = [[draft.alert_id for draft in search.turn(stream, SettledClaims())] for _ in range(103)]
    assert found[:100] == [[]] * 100
    # The three oldest would be on another page.
    assert found[100] == names[:2:-1]
    assert found[101:] == [[]] * 2


def _fields(alert_id: str, station: str, phase: Phase) -> dict[str, str]:
    draft = make_draft(alert_id, phase).model_copy(update={"station": station})
    document = {**draft.model_dump(mode="json", by_alias=True), "producer_id": station, "seq": 1, "published_at": "x"}
    return {"alert_id": alert_id, "alert": json.dumps(document)}
