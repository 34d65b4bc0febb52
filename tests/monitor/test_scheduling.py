import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from monitor.scheduling import FairQueue


def test_the_newest_item_wins_and_the_replaced_one_is_counted():
    replaced = []
    queue = FairQueue[int](replaced.append)
    queue.add("a")
    for item in range(3):
        queue.put("a", item)
    assert queue.take(0) == ("a", 2)
    assert replaced == ["a", "a"]
    assert queue.take(0) is None


def test_a_source_in_work_is_not_handed_to_a_second_worker():
    queue = FairQueue[int]()
    queue.add("a")
    queue.put("a", 1)
    assert queue.take(0) == ("a", 1)
    queue.put("a", 2)
    assert queue.take(0) is None
    queue.done("a")
    assert queue.take(0) == ("a", 2)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_no_waiting_source_is_passed_over_twice(puts):
    queue = FairQueue[int]()
    for name in "abc":
        queue.add(name)
    passed_over = dict.fromkeys("abc", 0)
    for name in puts:
        queue.put(name, 0)
        for other in "abc":
            queue.put(other, 1)
        taken = queue.take(0)
        assert taken is not None
        queue.done(taken[0])
        for other in "abc":
            passed_over[other] = 0 if other == taken[0] else passed_over[other] + 1
        assert max(passed_over.values()) <= 2


def test_two_workers_share_an_overload_equally():
    queue = FairQueue[int]()
    names = [f"bed-{i}" for i in range(6)]
    served = dict.fromkeys(names, 0)
    for name in names:
        queue.add(name)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            taken = queue.take(0.05)
            if taken is not None:
                served[taken[0]] += 1
                time.sleep(0.001)
                queue.done(taken[0])

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    while sum(served.values()) < 300:
        for name in names:
            queue.put(name, 1)
        time.sleep(0.0005)
    stop.set()
    queue.close()
    for worker in workers:
        worker.join()
    assert min(served.values()) >= 0.5 * max(served.values()), served


def test_closing_wakes_a_waiting_worker():
    queue = FairQueue[int]()
    got = []
    worker = threading.Thread(target=lambda: got.append(queue.take(30)))
    worker.start()
    queue.close()
    worker.join(5)
    assert got == [None]


def test_items_of_a_removed_source_are_ignored():
    queue = FairQueue[int]()
    queue.add("a")
    assert queue.take(0) is None
    queue.put("a", 1)
    queue.remove("a")
    queue.put("a", 2)
    queue.done("a")
    assert queue.take(0) is None
