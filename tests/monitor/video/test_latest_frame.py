import threading

import numpy as np

from monitor.video.frame import Frame
from monitor.video.latest_frame import LatestFrame


def _frame(index: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), float(index), None, index)


def test_newest_frame_wins_and_the_rest_are_counted():
    latest = LatestFrame()
    for index in range(5):
        latest.put(_frame(index))
    assert latest.waiting_since_seconds == 4.0
    assert latest.take().index == 4
    assert latest.take() is None
    assert latest.superseded == 4


def test_take_waits_for_a_frame():
    latest = LatestFrame()
    timer = threading.Timer(0.05, latest.put, [_frame(1)])
    timer.start()
    assert latest.take(5.0).index == 1
    timer.join()


def test_every_frame_is_taken_or_counted():
    latest, taken = LatestFrame(), []

    def put() -> None:
        for index in range(2000):
            latest.put(_frame(index))

    producer = threading.Thread(target=put)
    producer.start()
    while producer.is_alive() or latest.waiting_since_seconds is not None:
        if (frame := latest.take(0.01)) is not None:
            taken.append(frame.index)
    producer.join()
    assert taken == sorted(taken)
    assert len(taken) + latest.superseded == 2000


def test_listener_hears_of_every_frame():
    calls = []
    latest = LatestFrame(lambda: calls.append(1))
    latest.put(_frame(0))
    latest.put(_frame(1))
    assert len(calls) == 2
