import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.pipeline.scheduler import FairScheduler
from monitor.video.frame import Frame
from monitor.video.latest_frame import LatestFrame


def frame(index=0):
    return Frame(np.zeros((2, 2, 3), np.uint8), float(index), None, index)


def scheduler_of(*names):
    scheduler = FairScheduler()
    sources = {name: LatestFrame(scheduler.wake) for name in names}
    for name, source in sources.items():
        scheduler.add(name, source)
    return scheduler, sources


def test_the_newest_frame_of_a_source_is_handed_out_once():
    scheduler, sources = scheduler_of("a")
    for index in range(3):
        sources["a"].put(frame(index))
    name, taken = scheduler.take(0)
    assert (name, taken.index) == ("a", 2)
    scheduler.done("a")
    assert scheduler.take(0) is None


def test_a_source_in_work_is_not_handed_to_a_second_worker():
    scheduler, sources = scheduler_of("a")
    sources["a"].put(frame(1))
    assert scheduler.take(0)
    sources["a"].put(frame(2))
    assert scheduler.take(0) is None
    scheduler.done("a")
    assert scheduler.take(0)[1].index == 2


@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=40))
def test_no_waiting_source_is_passed_over_more_often_than_there_are_others(puts):
    scheduler, sources = scheduler_of("a", "b", "c")
    waiting = dict.fromkeys("abc", 0)
    for names in puts:
        for name in names:
            sources[name].put(frame())
        taken, _ = scheduler.take(0)
        scheduler.done(taken)
        for name, source in sources.items():
            waiting[name] = waiting[name] + 1 if source.waiting_since_seconds is not None else 0
        assert max(waiting.values()) <= 2


def test_two_workers_share_an_overload_equally():
    names = [f"bed-{i}" for i in range(6)]
    scheduler, sources = scheduler_of(*names)
    served = dict.fromkeys(names, 0)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            taken = scheduler.take(0.05)
            if taken is not None:
                served[taken[0]] += 1
                time.sleep(0.001)
                scheduler.done(taken[0])

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    while sum(served.values()) < 300:
        for source in sources.values():
            source.put(frame())
        time.sleep(0.0005)
    stop.set()
    scheduler.close()
    for worker in workers:
        worker.join()
    assert min(served.values()) >= 0.5 * max(served.values()), served


def test_closing_wakes_a_waiting_worker():
    scheduler, _ = scheduler_of("a")
    got = []
    worker = threading.Thread(target=lambda: got.append(scheduler.take(30)))
    worker.start()
    scheduler.close()
    worker.join(5)
    assert got == [None]


def test_a_new_frame_wakes_a_worker_and_not_whoever_waits_for_a_source_to_leave():
    scheduler, sources = scheduler_of("a", "b")
    sources["a"].put(frame())
    assert scheduler.take(0)
    leaver = threading.Thread(target=lambda: scheduler.remove("a", 30))
    got = []
    worker = threading.Thread(target=lambda: got.append(scheduler.take(5)))
    for thread in (leaver, worker):  # the longest waiter is notified first
        thread.start()
        time.sleep(0.1)
    sources["b"].put(frame(7))
    worker.join(2)
    is_late = worker.is_alive()
    scheduler.done("a")
    scheduler.close()
    for thread in (worker, leaver):
        thread.join(5)
    assert not is_late
    assert got[0][1].index == 7


def test_a_worker_that_hangs_with_a_removed_source_does_not_hold_up_the_next_of_that_name():
    scheduler, sources = scheduler_of("a")
    sources["a"].put(frame(1))
    hung = threading.Thread(target=scheduler.take, args=(0,))
    hung.start()
    hung.join()
    assert not scheduler.remove("a")
    scheduler.add("a", sources["a"])
    sources["a"].put(frame(2))
    assert scheduler.take(0)[1].index == 2
    scheduler.done("a")
    sources["a"].put(frame(3))
    assert scheduler.take(0)[1].index == 3


def test_a_removed_source_takes_no_part():
    scheduler, sources = scheduler_of("a", "b")
    sources["a"].put(frame())
    scheduler.remove("a")
    scheduler.done("a")
    assert scheduler.take(0) is None
