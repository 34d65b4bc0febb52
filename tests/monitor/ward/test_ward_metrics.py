"""What Prometheus reads of a ward: what is not known is not said."""

from monitor.board import Board
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.ward.reader import WardReader
from monitor.ward.ward import WardCollector


def test_metrics_name_who_watches_only_while_that_is_known(redis_server):
    clock = ManualClock(1000.0)
    config = StationConfig.model_validate({"fleet": {}, "redis": {"url": redis_server.url}, "station": {"id": "ward"}})
    reader, client = WardReader(config, Board((), clock, on_level=0.6), clock), redis_server.client()
    reader._stopping.set()  # a step does not wait

    def said():
        reader._step()
        samples = [sample for family in WardCollector(reader).collect() for sample in family.samples]
        return {sample.name.removeprefix("nicu_ward_"): (sample.labels, sample.value) for sample in samples}

    client.hset("nicu:state:bed-1", mapping={"station": "a"})
    client.set("nicu:heartbeat:a", "{}")
    known = {
        "bed_watched": ({"bed": "bed-1", "station": "a"}, 1.0),
        "station_up": ({"station": "a"}, 1.0),
        "redis_up": ({}, 1.0),
    }
    assert said() == known
    redis_server.stop()
    assert said() == {"redis_up": ({}, 0.0)}
    redis_server.start()
    client.hset("nicu:state:bed-1", mapping={"station": "a"})
    client.set("nicu:heartbeat:a", "{}")
    clock.advance(6.0)
    assert said() == known
    clock.advance(11.0)
    hung = [len(family.samples) for family in WardCollector(reader).collect()]
    assert hung == [0, 0, 1], "the reader hangs: what it read last is old"
