"""The loop of a step: what it reads and when, memory, precision, compilation."""

import copy
import pickle
import shutil
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, GradientNormClipping

from skxmr.deep import batches, compiled, options, trainer
from skxmr.deep.callbacks import DivergenceError
from skxmr.nn.adversaries import Discriminator
from tests.deep.toy import Toy, ToyNetwork, ToyObjective


@pytest.mark.parametrize("every", [1, 2, 50])
def test_when_losses_are_read_does_not_matter(small, every, monkeypatch):
    expected = Toy().fit(*small)
    monkeypatch.setattr(trainer, "_READ_EVERY", every)
    found = Toy().fit(*small)
    assert found.history_.drop(columns="seconds").equals(expected.history_.drop(columns="seconds"))
    assert_array_equal(found.encode_text(small[0]), expected.encode_text(small[0]))


def test_losses_are_means_over_the_rows_of_an_epoch(small):
    """Batches of 40, 40 and 16 rows."""
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.extend((row["train_loss"], row["train_batch_size"]) for row in net.history[-1]["batches"])

    fitted = Toy(batch_size=40, max_epochs=1, callbacks=[Watch()]).fit(*small)
    losses, sizes = zip(*seen, strict=True)
    assert sizes == (40, 40, 16)
    assert_allclose(fitted.history_["loss"], np.average(losses, weights=sizes))


@pytest.mark.parametrize("method", ["on_batch_begin", "on_grad_computed"])
def test_callbacks_of_users_see_the_losses_of_the_batch_before(method, small):
    seen = []

    def watch(self, net, **kwargs):
        batches = net.history[-1]["batches"]
        seen.extend("train_loss" in batches[-2] for _ in batches[1:2])

    Toy(max_epochs=1, callbacks=[type("Watch", (Callback,), {method: watch})()]).fit(*small)
    assert seen == [True] * 2


def test_callbacks_of_users_see_every_batch_as_it_ends(small):
    seen = []

    class Watch(Callback):
        def on_batch_end(self, net, loss=None, **kwargs):
            seen.append(net.history[-1, "batches", -1, "train_loss"] == loss.item())

    Toy(max_epochs=2, callbacks=[Watch()]).fit(*small)
    assert seen == [True] * 6


def test_gradients_can_be_clipped_by_a_callback(small):
    plain, clipped = (Toy(optimizer="sgd", callbacks=c).fit(*small) for c in (None, [GradientNormClipping(1e-3)]))
    moved = [fitted.encode_image(small[0]) for fitted in (plain, clipped)]
    assert not np.allclose(*moved)


@pytest.mark.parametrize("bad", [1, 3])
def test_a_term_is_named_whenever_it_is_read(small, bad, monkeypatch):
    """The first step of the epoch, or the last: both are found before the epoch can be kept."""
    original, calls = ToyObjective.terms, []

    def failing(self, outputs, batch):
        calls.append(1)
        terms = original(self, outputs, batch)
        return terms | {"classification": terms["classification"] / (0.0 if len(calls) == 3 + bad else 1.0)}

    monkeypatch.setattr(ToyObjective, "terms", failing)
    with pytest.warns(UserWarning, match="'classification' became inf in epoch 2; the weights of epoch 1 are kept"):
        fitted = Toy().fit(*small)
    assert fitted.best_epoch_ == 1 and np.isfinite(fitted.encode_text(small[0])).all()


def test_optimisers_that_ask_several_times_a_step(small):
    def lbfgs(parameters, lr, weight_decay):
        return torch.optim.LBFGS([p for group in parameters for p in group["params"]], lr=lr, max_iter=3)

    fitted = Toy(optimizer=lbfgs, schedule="constant", lr=0.1).fit(*small)
    assert fitted.history_["loss"].iloc[-1] < fitted.history_["loss"].iloc[0]


class TestMemory:
    @pytest.fixture
    def full(self, monkeypatch):
        def forward(self, image, text):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")

        monkeypatch.setattr(ToyNetwork, "forward", forward)

    def test_the_error_names_the_batch_and_the_ways_out(self, small, full, monkeypatch):
        monkeypatch.setattr(options, "fast_bfloat16", lambda device: True)
        message = r"cpu device ran out of memory while training with batches of 32 rows; halve batch_size to 16"
        with pytest.raises(MemoryError, match=rf'{message}, set precision="bf16", or use a smaller .* 2.00 GiB\.$'):
            Toy().fit(*small)
        with pytest.raises(MemoryError, match=rf"{message}, or use a smaller network"):
            Toy(precision="bf16").fit(*small)

    def test_memory_may_run_out_between_the_steps(self, small, monkeypatch):
        def full(*args):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")

        monkeypatch.setattr(batches.PairsDataset, "rows", full)
        with pytest.raises(MemoryError, match=r"halve batch_size to 16, .* Tried to allocate 2.00 GiB\.$"):
            Toy().fit(*small)

    @pytest.mark.parametrize("error", [MemoryError, DivergenceError])
    def test_the_error_does_not_hold_the_tensors_of_the_step(self, small, error, monkeypatch):
        """A fit with other parameters may be tried where the error is handled, and needs that memory."""
        made = []
        original = ToyNetwork.forward

        def forward(self, image, text):
            outputs = original(self, image, text)
            outputs["image"] = outputs["image"] * torch.nan
            made.append(weakref.ref(outputs["image"]))
            if error is MemoryError:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return outputs

        monkeypatch.setattr(ToyNetwork, "forward", forward)
        with pytest.raises(error) as caught:
            Toy().fit(*small)
        assert all(reference() is None for reference in made)
        assert caught.value.__cause__ is not None


class TestPrecision:
    def test_without_the_arithmetic_training_is_in_float32(self, small, monkeypatch):
        monkeypatch.setattr(options, "fast_bfloat16", lambda device: False)
        with pytest.warns(UserWarning, match='precision="bf16", but this cpu has no bfloat16 arithmetic; .* float32'):
            found = Toy(precision="bf16").fit(*small)
        assert_array_equal(found.encode_image(small[0]), Toy().fit(*small).encode_image(small[0]))

    def test_bfloat16_is_near_float32(self, small, monkeypatch):
        monkeypatch.setattr(options, "fast_bfloat16", lambda device: True)
        exact, rounded = (Toy(precision=p, max_epochs=10).fit(*small) for p in ("float32", "bf16"))
        assert_allclose(exact.score(*small), rounded.score(*small), atol=0.02)
        assert rounded.encode_image(small[0]).dtype == np.float32
        assert {p.dtype for p in rounded.network_.parameters()} == {torch.float32}


class TestCompile:
    def test_where_torch_cannot_compile_a_warning_says_so(self, small, monkeypatch):
        def refused(losses, **options):
            def call(batch):
                raise torch._dynamo.exc.TorchDynamoException("no C++ compiler\nand a long story")

            return call

        monkeypatch.setattr(torch, "compile", refused)
        with pytest.warns(UserWarning, match="compile=True, but torch cannot compile here; .* no C.. compiler$"):
            found = Toy(compile=True).fit(*small)
        assert_array_equal(found.encode_image(small[0]), Toy().fit(*small).encode_image(small[0]))

    def test_the_backward_pass_may_be_what_cannot_be_compiled(self, small, monkeypatch):
        class Refused(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x.view_as(x)

            @staticmethod
            def backward(ctx, gradient):
                raise torch._dynamo.exc.TorchDynamoException("no kernel for this")

        def lazily(losses, **options):
            def call(batch):
                total, *others = losses(batch)
                return Refused.apply(total), *others

            return call

        monkeypatch.setattr(torch, "compile", lazily)
        with pytest.warns(UserWarning, match="torch cannot compile here; .* no kernel for this$"):
            found = Toy(compile=True, dropout=0.0).fit(*small)  # the first batch is computed twice
        assert_array_equal(found.encode_image(small[0]), Toy(dropout=0.0).fit(*small).encode_image(small[0]))

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
    def test_a_rising_strength_is_compiled_once(self):
        graphs = []
        critic = Discriminator(4, 0.5, hidden=(3,), ramp=True)

        def loss(u, v):
            return sum(part.square().sum() for part in critic(u, v))

        def backend(graph, inputs):
            graphs.append(graph)
            return graph.forward

        compiled_loss = torch.compile(loss, backend=backend, dynamic=False)
        u, v = torch.randn(2, 5, 4)
        for done in (0.0, 0.3, 0.9):
            critic.advance(done)
            found = []
            for function in (loss, compiled_loss):
                x = u.clone().requires_grad_()
                function(x, v).backward()
                found.append(x.grad)
            assert_allclose(found[1], found[0], atol=1e-6)
            assert (found[0] != 0).any() == (done > 0)
        assert len(graphs) == 1
        torch.compiler.reset()

    def test_errors_of_the_network_are_its_own(self, small, monkeypatch):
        monkeypatch.setattr(torch, "compile", lambda losses, **options: losses)

        def forward(self, image, text):
            raise ZeroDivisionError("of mine")

        monkeypatch.setattr(ToyNetwork, "forward", forward)
        with pytest.raises(ZeroDivisionError, match="of mine"):
            Toy(compile=True).fit(*small)

    def test_only_full_batches_are_compiled(self, small, monkeypatch):
        sizes = []

        def counting(losses, **options):
            def call(batch):
                sizes.append(len(batch.labels))
                return losses(batch)

            return call

        monkeypatch.setattr(torch, "compile", counting)
        fitted = Toy(compile=True, batch_size=40, max_epochs=2).fit(*small)  # 40, 40 and 16 rows
        assert sizes == [40] * 4
        assert_array_equal(
            fitted.encode_image(small[0]), Toy(batch_size=40, max_epochs=2).fit(*small).encode_image(small[0])
        )

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
    def test_a_traced_fit_is_the_same(self, small, monkeypatch):
        """The step as torch traces it, run without a C++ compiler."""
        graphs = []

        def backend(graph, inputs):
            graphs.append(graph)
            return graph.forward

        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
        plain, fitted = (Toy(compile=c, batch_size=40, dropout=0.0).fit(*small) for c in (False, True))
        assert_allclose(fitted.encode_image(small[0]), plain.encode_image(small[0]), atol=1e-5)
        assert graphs

    @pytest.mark.slow
    @pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler")
    def test_a_compiled_fit_is_the_same_but_for_rounding(self, small):
        pairs, labels = small
        plain, fitted = (Toy(compile=c, batch_size=40, dropout=0.0).fit(pairs, labels) for c in (False, True))
        assert_allclose(fitted.encode_image(pairs), plain.encode_image(pairs), atol=1e-5)
        for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
            assert_array_equal(again.encode_text(pairs), fitted.encode_text(pairs))
        assert type(fitted.network_) is type(plain.network_)
        fitted.set_params(warm_start=True, compile=False).fit(pairs, labels)


def test_compiling_is_asked_of_torch_at_the_first_batch_only(small, monkeypatch):
    events = []
    first = compiled.Compiled._first

    def watched(self, batch):
        events.append("the first batch")
        return first(self, batch)

    def compile(losses, **options):
        events.append("torch compiles")
        return losses

    monkeypatch.setattr(torch, "compile", compile)
    monkeypatch.setattr(compiled.Compiled, "_first", watched)
    Toy(compile=True, max_epochs=2).fit(*small)
    assert events == ["the first batch", "torch compiles"]
