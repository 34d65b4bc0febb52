"""The socket through which the station's own user asks it for something."""

import json
import os
import socket

import pytest
from redis_server import wait_until

from monitor.control.local_socket import LocalSocket, ask_station
from monitor.errors import ConfigError, RefusedError

FAILURES = {"refused": RefusedError("the bed is empty"), "value": ValueError("a window of another length")}


@pytest.fixture
def station(tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()

    def answer(request):
        if "raises" in request:
            raise FAILURES[request["raises"]]
        if request.get("action") != "echo":
            raise ConfigError("no such action")
        return {"said": request["word"]}

    server = LocalSocket(deep, answer)
    server.start()
    wait_until((deep / "control.sock").exists, 5, "the socket")
    yield deep
    server.stop()
    assert not (deep / "control.sock").exists()


def test_a_question_is_answered_also_in_a_directory_with_a_long_name(station):
    assert ask_station(station, {"action": "echo", "word": "hello"}) == {"said": "hello"}
    assert (station / "control.sock").stat().st_mode & 0o777 == 0o600


def test_a_refusal_is_one_sentence(station):
    with pytest.raises(ConfigError, match="no such action"):
        ask_station(station, {"action": "dance"})


@pytest.mark.parametrize(("raises", "words"), [("refused", "the bed is empty"), ("value", "see its log")])
def test_what_fails_while_it_is_done_is_not_taken_for_a_request_that_is_no_json(station, raises, words):
    with pytest.raises(ConfigError, match=words):
        ask_station(station, {"action": "echo", "raises": raises})


@pytest.mark.parametrize("line", [b"\n", b"{\n", b"[" * 60_000 + b"\n", b"\xff\n"])
def test_a_request_that_is_no_json_is_one_sentence(station, line):
    with socket.socket(socket.AF_UNIX) as peer:
        directory = os.open(station, os.O_RDONLY)
        peer.connect(f"/proc/self/fd/{directory}/control.sock")
        os.close(directory)
        peer.sendall(line)
        assert json.loads(peer.makefile().readline()) == {"error": "a request is one line of JSON"}


def test_the_socket_has_its_name_only_when_it_is_answered(tmp_path, monkeypatch):
    before = []

    class Listener(socket.socket):
        def listen(self, backlog):
            before.extend(path.name for path in tmp_path.iterdir())
            super().listen(backlog)

    monkeypatch.setattr("monitor.control.local_socket.socket.socket", Listener)
    server = LocalSocket(tmp_path, lambda _: {})
    server.start()
    wait_until((tmp_path / "control.sock").exists, 5, "the socket")
    server.stop()
    assert before == ["control.sock.new"]


def test_nobody_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="no station answers"):
        ask_station(tmp_path, {"action": "echo", "word": "x"}, timeout_seconds=1)
