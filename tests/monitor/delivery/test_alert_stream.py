"""The alert stream: exactly once, whatever came before."""

import json

import pytest
from newer_redis import NewerRedis
from redis_server import RedisServer

from monitor.delivery.alert_stream import AlertStream, ProducerConflictError, StreamEntry, StreamLostError
from monitor.delivery.redis_client import connect_redis
from monitor.delivery.spool import Position

KEY = "nicu:alerts"


def entries(first: int, last: int, producer: str = "p", prefix: str = "alert") -> list[StreamEntry]:
    return [
        StreamEntry(seq, f"{prefix}-{seq}", {"producer_id": producer, "seq": str(seq), "alert_id": f"{prefix}-{seq}"})
        for seq in range(first, last + 1)
    ]


@pytest.fixture
def stream(redis_server: RedisServer):
    client = connect_redis(redis_server.settings())
    yield AlertStream(client, KEY, 10_000)
    client.close()


def numbers(server: RedisServer, producer: str = "p") -> list[int]:
    return [int(fields["seq"]) for _, fields in server.client().xrange(KEY) if fields["producer_id"] == producer]


def test_what_is_there_is_not_sent_again(redis_server, stream) -> None:
    stream.deliver("p", entries(1, 3), Position(0, "0-0"))
    # The answer was lost, the process died; the next one only knows where it began.
    reached = stream.deliver("p", entries(1, 5), Position(0, "0-0"))
    assert reached.seq == 5
    assert stream.deliver("p", entries(1, 5), Position(0, "0-0")) == reached
    assert numbers(redis_server) == [1, 2, 3, 4, 5]


def test_own_records_are_found_among_thousands_of_others(redis_server, stream) -> None:
    start = stream.tip()
    stream.deliver("p", entries(1, 2), Position(0, start))
    stream.deliver("other", entries(1, 1500, "other"), Position(0, "0-0"))
    stream.deliver("p", entries(1, 3), Position(0, start))
    assert numbers(redis_server) == [1, 2, 3]


def test_another_alert_under_the_same_number_is_a_conflict(stream) -> None:
    stream.deliver("p", entries(1, 3), Position(0, "0-0"))
    with pytest.raises(ProducerConflictError):
        stream.deliver("p", entries(2, 4, prefix="of-an-old-copy"), Position(1, "0-0"))


def test_a_forged_number_hides_no_alert(stream, redis_server) -> None:
    """A number that was never given out would else count as delivered, with all below it."""
    position = stream.deliver("p", entries(1, 3), Position(0, "0-0"))
    redis_server.client().xadd(KEY, {"producer_id": "p", "seq": "999999", "alert_id": "forged"})
    with pytest.raises(ProducerConflictError):
        stream.deliver("p", entries(4, 5), position)


@pytest.mark.parametrize(
    "fields",
    [
        {"producer_id": "p", "seq": "many", "alert_id": "x"},
        {"producer_id": "p", "seq": "9" * 400, "alert_id": "x"},
        {"producer_id": "p"},
        {"producer_id": b"p", "seq": b"\xff\xfe", b"\x80": b"\xf0"},
    ],
    ids=["no number", "a huge number", "no fields", "no text"],
)
def test_what_is_no_record_holds_nothing_up(stream, redis_server, fields) -> None:
    position = stream.deliver("p", entries(1, 3), Position(0, "0-0"))
    redis_server.client().xadd(KEY, fields)
    assert stream.deliver("p", entries(4, 5), position).seq == 5
    assert stream.newest_own("p").seq == 5


def test_an_emptied_stream_is_distinguished_from_a_trimmed_one(redis_server, stream) -> None:
    client = redis_server.client()
    position = stream.deliver("p", entries(1, 5), Position(0, "0-0"))
    stream.deliver("other", entries(1, 100, "other"), Position(0, "0-0"))
    client.xtrim(KEY, maxlen=50, approximate=False)
    stream.check("p", position)
    client.delete(KEY)
    with pytest.raises(StreamLostError):
        stream.check("p", position)
    # Other stations have filled it again before this one reads.
    client.xadd(KEY, {"producer_id": "other", "seq": "1", "alert_id": "x"})
    with pytest.raises(StreamLostError) as caught:
        stream.deliver("p", entries(6, 6), position)
    assert caught.value.position.seq == 0


def test_a_stream_that_went_back_in_time_is_filled_up_from_where_it_ends(redis_server, stream) -> None:
    position = stream.deliver("p", entries(1, 5), Position(0, "0-0"))
    client = redis_server.client()
    for stream_id, _ in client.xrange(KEY)[3:]:
        client.xdel(KEY, stream_id)
    with pytest.raises(StreamLostError) as caught:
        stream.check("p", position)
    assert caught.value.position.seq == 3
    stream.deliver("p", entries(4, 6), caught.value.position)
    assert numbers(redis_server) == [1, 2, 3, 4, 5, 6]


def record(seq: int, detail: str, published_at: str = "2026-01-01T00:00:00.000Z") -> StreamEntry:
    text = json.dumps({"alert_id": "a", "seq": seq, "detail": detail, "published_at": published_at})
    return StreamEntry(seq, "a", {"producer_id": "p", "seq": str(seq), "alert_id": "a", "alert": text})


def test_a_record_of_the_same_number_and_alert_but_other_content_is_a_conflict(redis_server, stream) -> None:
    position = stream.deliver("p", [record(1, "on")], Position(0, "0-0"))
    stream.deliver("p", [record(2, "over")], position)
    with pytest.raises(ProducerConflictError):
        stream.deliver("p", [record(2, "acknowledged")], position)
    later = "2026-01-01T00:00:09.000Z"
    assert stream.deliver("p", [record(2, "over", later)], position).seq == 2
    assert numbers(redis_server) == [1, 2], "the time of the attempt alone makes no other record"


def test_records_beyond_a_batch_are_compared_in_their_turn(redis_server, stream) -> None:
    stream.deliver("p", [record(seq, "old") for seq in range(1, 5)], Position(0, "0-0"))
    reached = stream.deliver("p", [record(1, "old"), record(2, "old")], Position(0, "0-0"), last_seq=4)
    assert reached.seq == 2
    with pytest.raises(ProducerConflictError):
        stream.deliver("p", [record(3, "new"), record(4, "new")], reached)


@pytest.mark.parametrize("left", [0, 1, 3])
@pytest.mark.parametrize("others", [0, 1, 700])
def test_a_loss_is_noticed_however_much_others_have_written_since(redis_server, stream, left, others) -> None:
    client = redis_server.client()
    position = stream.deliver("p", entries(1, left), Position(0, "0-0")) if left else Position(0, "0-0")
    earlier = client.dump(KEY)
    position = stream.deliver("p", entries(left + 1, 5), position)
    client.delete(KEY)
    if earlier is not None:
        client.restore(KEY, 0, earlier)
    if others:
        stream.deliver("other", entries(1, others, "other"), Position(0, "0-0"))
    with pytest.raises(StreamLostError) as caught:
        stream.check("p", position)
    assert caught.value.position.seq == left
    stream.deliver("p", entries(left + 1, 6), caught.value.position)
    assert numbers(redis_server) == [1, 2, 3, 4, 5, 6]


def test_somebody_elses_record_under_the_id_of_the_last_one_is_a_loss(redis_server, stream) -> None:
    """A server whose clock is behind gives out ids again that it had given out before it went back in time."""
    client = redis_server.client()
    position = stream.deliver("p", entries(1, 2), Position(0, "0-0"))
    client.delete(KEY)
    client.xadd(KEY, {"producer_id": "other", "seq": "1", "alert_id": "x"}, id=position.stream_id)
    with pytest.raises(StreamLostError):
        stream.check("p", position)
    with pytest.raises(StreamLostError):
        stream.deliver("p", entries(3, 3), position)


def test_a_server_that_refuses_idempotent_producers_after_all(redis_server, stream) -> None:
    if stream.idempotent:
        pytest.skip("this server knows idempotent producers")
    stream._idempotent = True
    assert stream.deliver("p", entries(1, 2), Position(0, "0-0")).seq == 2
    assert not stream.idempotent
    assert numbers(redis_server) == [1, 2]


def test_an_idempotent_producer_is_used_where_the_server_knows_it(redis_server) -> None:
    with NewerRedis(redis_server.port) as server:
        client = connect_redis(redis_server.settings(url=f"redis://127.0.0.1:{server.port}/0"))
        stream = AlertStream(client, KEY, 10_000)
        assert stream.idempotent
        position = stream.deliver("p", entries(1, 2), Position(0, "0-0"))
        assert stream.deliver("p", entries(1, 3), position).seq == 3
        client.close()
    assert stream.idempotent, "the server was content with it"
    assert server.idempotent_ids == [("p", "1"), ("p", "2"), ("p", "3")]
    assert numbers(redis_server) == [1, 2, 3]
