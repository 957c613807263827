"""Searches in several threads while another one changes the index."""

import threading

import numpy as np


def test_searches_while_items_come_and_go(empty, vectors):
    """What stays is found as if nothing happened, and no search sees half a change."""
    stable, queries = vectors(2000), vectors(10, seed=1)
    index = empty()
    index.add(image=stable, metadata={"kind": ["stable"] * 2000})
    wanted = index.search(text=queries, k=10)
    far = -queries.mean(axis=0, keepdims=True) + vectors(60, seed=2) * 0.01
    errors = []
    done = threading.Event()

    def search():
        try:
            while not done.is_set():
                found = index.search(text=queries, k=10, where={"kind": "stable"})
                assert np.array_equal(found.ids, wanted.ids) and np.array_equal(found.scores, wanted.scores)
                assert np.array_equal(index.search(text=queries, k=10, among=range(2000)).ids, wanted.ids)
                # A change of three items is seen as a whole.
                assert int((index.search(text=far[:1], k=2100).ids >= 10_000).sum()) % 3 == 0
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(15):
        ids = np.arange(10_000 + 3 * turn, 10_003 + 3 * turn)
        index.add(image=far[:3], ids=ids, metadata={"kind": ["other"] * 3})
        if turn % 3 == 2:
            index.update(ids, text=far[3:6])
        if turn % 2:
            index.remove(ids)
        if turn % 5 == 4:
            index.compact()
    done.set()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


def test_several_writers_lose_nothing(empty, vectors):
    index = empty()
    rows = vectors(80)

    def add(part):
        for i in range(part, 80, 4):
            index.add(image=rows[i : i + 1], ids=[i])

    threads = [threading.Thread(target=add, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(index) == list(range(80))
    assert index.search(image=rows, k=1).ids.ravel().tolist() == list(range(80))


def test_searches_in_threads_are_those_in_turn(empty, vectors):
    index = empty()
    index.add(image=vectors(5000))
    queries = vectors(40, seed=3)
    serial = [index.search(text=queries[i : i + 1]).ids.tolist() for i in range(40)]
    found = [None] * 40

    def search(i):
        found[i] = index.search(text=queries[i : i + 1]).ids.tolist()

    threads = [threading.Thread(target=search, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == serial
