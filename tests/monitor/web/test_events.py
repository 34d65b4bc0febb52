"""The event stream: alerts as they come, nothing lost by a reader that comes back, nothing sent to one that may not."""

import json
import threading

TOKEN = {"Authorization": "Bearer " + "t" * 43}


class Listener:
    """A reader of the event stream, on a thread of its own."""

    def __init__(self, client, **headers):
        self.events = []
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(client, headers))
        self.thread.start()

    def _read(self, client, headers):
        with client.stream("GET", "/api/v1/events", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            event = {}
            for line in answer.iter_lines():
                if line and not line.startswith(":"):
                    key, _, value = line.partition(": ")
                    event[key] = value
                elif event:
                    with self.news:
                        self.events.append(event)
                        self.news.notify_all()
                    event = {}

    def wait_for(self, kind, count=1):
        with self.news:
            assert self.news.wait_for(lambda: len(self.of(kind)) >= count, 10), self.events
        return self.of(kind)

    def of(self, kind):
        return [event for event in self.events if event.get("event") == kind]


def test_alerts_are_streamed_as_they_come_and_a_reader_resumes(rig):
    rig.observe()
    listener = Listener(rig.client(headers=TOKEN))
    (beds,) = listener.wait_for("beds")
    assert {bed["observation"]["bed"] for bed in json.loads(beds["data"])} == {"bed-1", "bed-2"}
    rig.alert("a1")
    rig.alert("a2")
    first, second = listener.wait_for("alert", 2)
    assert [json.loads(one["data"])["alert_id"] for one in (first, second)] == ["a1", "a2"]
    resumed = Listener(rig.client(headers=TOKEN), **{"Last-Event-ID": first["id"]})
    assert resumed.wait_for("alert")[0]["id"] == second["id"]
    # A position of an earlier run is none in this one: everything of this run is sent.
    restarted = Listener(rig.client(headers=TOKEN), **{"Last-Event-ID": "0badcafe-1"})
    assert [one["id"] for one in restarted.wait_for("alert", 2)] == [first["id"], second["id"]]
    rig.site.closing.set()
    for one in (listener, resumed, restarted):
        one.thread.join(10)
        assert not one.thread.is_alive()


def test_a_stream_ends_with_the_right_to_read_it(rig, tmp_path):
    listener = Listener(rig.client(headers=TOKEN))
    listener.wait_for("beds")
    (tmp_path / "users").unlink()
    listener.thread.join(10)
    assert not listener.thread.is_alive()
