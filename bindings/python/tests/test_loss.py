"""`steepness.loss` on arrays of NumPy."""

import multiprocessing
import os
import threading

import numpy as np
import pytest
import steepness


def draws(*shape: int, seed: int = 0, spread: float = 3.0) -> np.ndarray:
    return spread * np.random.default_rng(seed).standard_normal(shape)


def cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    largest = z.max(1, keepdims=True)
    ln_p = z - largest - np.log(np.exp(z - largest).sum(1, keepdims=True))
    rows = np.arange(len(z))
    slope = np.exp(ln_p)
    slope[rows, y] -= 1
    return -ln_p[rows, y], slope


def test_golden_values_in_double_precision(golden):
    for entry in golden:
        z, t = np.array([entry["logits"]]), np.array([entry["targets"]])
        y = t.argmax(1) if 1.0 in entry["targets"] else t
        value, slope = steepness.loss(entry["spec"], z, y, gradient=True)
        np.testing.assert_allclose(value, entry["loss"], rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(slope[0], entry["gradient"], rtol=1e-11, atol=1e-11)


def test_cross_entropy_by_hand():
    z, y = draws(50, 7), np.arange(50) % 7
    losses, slope = cross_entropy(z, y)
    value, found = steepness.loss("ce", z, y, gradient=True)
    assert value == pytest.approx(losses.mean(), rel=1e-14)
    np.testing.assert_allclose(found, slope / 50, atol=1e-15)
    each = steepness.loss("ce", z, y, reduction="none")
    assert each.shape == (50,) and each.dtype == np.float64
    np.testing.assert_allclose(each, losses, rtol=1e-13)
    assert steepness.loss("ce", z, y, reduction="sum") == pytest.approx(losses.sum(), rel=1e-14)


@pytest.mark.parametrize("dtype, close", [("float32", 1e-6), ("float16", 2e-3)])
def test_types(dtype, close):
    z, y = draws(9, 5), np.arange(9) % 5
    wide = steepness.loss("el(le=0.5)", z.astype(dtype).astype(float), y, gradient=True)
    value, slope = steepness.loss("el(le=0.5)", z.astype(dtype), y, gradient=True)
    assert slope.dtype == dtype and abs(value - wide[0]) < close
    np.testing.assert_allclose(slope.astype(float), wide[1], atol=close)


def test_nothing_contiguous_is_copied():
    z, y = draws(200_000, 8).astype(np.float32), np.zeros(200_000, int)
    before = z.copy()
    import tracemalloc

    tracemalloc.start()
    steepness.loss("ce", z, y)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    np.testing.assert_array_equal(z, before)


def test_layouts_are_the_same_rows():
    z, y = draws(4, 6, 3, 5), np.arange(60).reshape(4, 3, 5) % 6
    value, slope = steepness.loss("el", z, y, gradient=True)
    rows = np.moveaxis(z, 1, -1).reshape(-1, 6)
    flat, of_rows = steepness.loss("el", rows, y.reshape(-1), gradient=True)
    assert value == pytest.approx(flat, rel=1e-14)
    np.testing.assert_allclose(np.moveaxis(slope, 1, -1).reshape(-1, 6), of_rows, atol=1e-15)
    for other in (z[:, :, ::-1][:, :, ::-1], np.asfortranarray(z), z.astype(">f8")):
        again, turned = steepness.loss("el", other, y, gradient=True)
        assert again == value
        np.testing.assert_array_equal(turned, slope)
    one = steepness.loss("ce", z[0, :, 0, 0], 2)
    assert one == pytest.approx(steepness.loss("ce", z[:1, :, 0, 0], [2]))


def test_weights_ignored_rows_and_smoothing():
    z, y = draws(6, 3), np.array([0, 1, 2, -1, 1, 0])
    w, s = np.array([1.0, 2.0, 0.5]), np.array([1.0, 0.0, 2.0, 9.0, 1.0, 3.0])
    losses, _ = cross_entropy(z, np.maximum(y, 0))
    of_row = w[np.maximum(y, 0)] * s * (y >= 0)
    value = steepness.loss("ce", z, y, weight=w, sample_weight=s, ignore_index=-1)
    assert value == pytest.approx((losses * of_row).sum() / of_row.sum())
    nothing, slope = steepness.loss("ce", z, np.full(6, -100), gradient=True)
    assert nothing == 0.0 and not slope.any()
    smooth = steepness.loss("ce", z[:3], y[:3], label_smoothing=0.1)
    assert smooth == steepness.loss("ce + smooth(0.1)", z[:3], y[:3])
    soft = 0.9 * np.eye(3) + 0.1 / 3
    assert smooth == pytest.approx(steepness.loss("ce", z[:3], soft[y[:3]]))
    empty, slope = steepness.loss("ce", z[:0], y[:0], gradient=True)
    assert empty == 0.0 and slope.shape == (0, 3)


def test_counts_and_epochs():
    z, y = draws(4, 3), np.array([0, 1, 2, 0])
    adjusted = steepness.loss("ce + adjust(tau=1)", z, y, class_counts=[70, 20, 10])
    assert adjusted == pytest.approx(steepness.loss("ce", z + np.log([0.7, 0.2, 0.1]), y))
    late = "el(le=0.5) from epoch 3"
    assert steepness.loss(late, z, y, epoch=(2, 9)) == steepness.loss("ce", z, y)
    assert steepness.loss(late, z, y, epoch=(3, 9)) == steepness.loss("el(le=0.5)", z, y)


def test_extremes():
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]])
    for spec in ("ce", "el(le=1)", "el(le=0.5)", "focal(gamma=2)"):
        value, slope = steepness.loss(spec, z, [0, 0], gradient=True)
        assert np.isfinite(value) and np.isfinite(slope).all()
    masked, slope = steepness.loss("ce", [[0.0, -np.inf, 0.0]], [0], gradient=True)
    assert masked == pytest.approx(np.log(2)) and slope[0, 1] == 0
    value, slope = steepness.loss("ce", draws(1, 100_003), [7], gradient=True)
    assert slope.sum() == pytest.approx(0, abs=1e-12)
    assert steepness.loss("ce", draws(5, 1), np.zeros(5, int)) == 0


@pytest.mark.parametrize(
    "kind, part, call",
    [
        (
            ValueError,
            "column 7: le must lie in [0, 1]",
            lambda z: steepness.loss("el(le=1.5)", z, [0, 1]),
        ),
        (
            IndexError,
            "target 3 in row 1 is not below the 3 classes",
            lambda z: steepness.loss("ce", z, [0, 3]),
        ),
        (IndexError, "target -1 in row 0", lambda z: steepness.loss("ce", z, [-1, 0])),
        (
            ValueError,
            "(2, 3) with targets of shape (3,)",
            lambda z: steepness.loss("ce", z, [0, 1, 2]),
        ),
        (ValueError, "row 0, column 0 is NaN", lambda z: steepness.loss("ce", z * np.nan, [0, 1])),
        (TypeError, "logits of int64", lambda z: steepness.loss("ce", z.astype(int), [0, 1])),
        (TypeError, "targets of bool", lambda z: steepness.loss("ce", z, [True, False])),
        (ValueError, 'reduction="avg"', lambda z: steepness.loss("ce", z, [0, 1], reduction="avg")),
        (
            ValueError,
            "2 class weights for 3 classes",
            lambda z: steepness.loss("ce", z, [0, 1], weight=[1, 2]),
        ),
        (
            ValueError,
            "needs the number of training examples",
            lambda z: steepness.loss("ce + adjust(tau=1)", z, [0, 1]),
        ),
        (
            ValueError,
            "sample weights of shape (1,)",
            lambda z: steepness.loss("ce", z, [0, 1], sample_weight=[1]),
        ),
        (
            ValueError,
            "choose one",
            lambda z: steepness.loss("ce + smooth(0.1)", z, [0, 1], label_smoothing=0.1),
        ),
        (ValueError, "logits of shape ()", lambda z: steepness.loss("ce", z[0, 0], 0)),
        (ValueError, "0 classes", lambda z: steepness.loss("ce", z[:, :0], [0, 0])),
    ],
)
def test_errors_have_their_kind_and_the_numbers(kind, part, call):
    with pytest.raises(kind) as caught:
        call(draws(2, 3))
    assert part in str(caught.value)


def test_threads_compute_at_once():
    z, y = draws(3000, 100), np.arange(3000) % 100
    expected, slope = steepness.loss("el", z, y, gradient=True)
    found: list = []

    def work() -> None:
        for _ in range(5):
            found.append(steepness.loss("el", z, y, gradient=True))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(value == expected and (g == slope).all() for value, g in found)


def _in_child(connection) -> None:
    z, y = draws(3000, 100), np.arange(3000) % 100
    connection.send(steepness.loss("el", z, y))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_computes_too():
    z, y = draws(3000, 100), np.arange(3000) % 100
    expected = steepness.loss("el", z, y)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_in_child, args=(theirs,))
    child.start()
    assert ours.poll(60), "the child waits for threads that it does not have"
    assert ours.recv() == expected
    child.join()
