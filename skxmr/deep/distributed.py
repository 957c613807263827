"""Training in several processes: a rank trains on its share of every batch, and the loss terms see the whole batch.

Several processes train together if torch has a process group. Environment variables alone do not decide it, because the
child processes of joblib inherit them and would wait for one another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr.deep.batches import PairsDataset
from skxmr.deep.compiled import Losses
from skxmr.deep.loop import LoopOptions, TrainingRows
from skxmr.deep.validation import Validation
from skxmr.nn.objective import Batch, Objective

if TYPE_CHECKING:
    from skorch import NeuralNet

T = TypeVar("T")


def n_ranks() -> int:
    """Count the processes that train together: those of torch's process group, 1 without one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process among them."""
    return dist.get_rank() if n_ranks() > 1 else 0


def broadcast(value: T) -> T:
    """Return what rank 0 has."""
    if n_ranks() == 1:
        return value
    # On the other ranks the entry of the list is replaced.
    shared = [value]
    dist.broadcast_object_list(shared, src=0)
    return shared[0]


def weights_of_first(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of rank 0."""
    if n_ranks() == 1:
        return state
    # They are sent from main memory, because all ranks would otherwise unpack them on the GPU of rank 0.
    return broadcast({name: weight.cpu() for name, weight in state.items()})


def broadcast_seeds(seeds: list[int], pairs: Pairs, labels: Labels | None) -> list[int]:
    """Return the seeds of rank 0, after making sure that every rank was given the same rows."""
    if n_ranks() == 1:
        launched = os.environ.get("WORLD_SIZE", "1")
        if launched != "1" and "RANK" in os.environ:
            warn(
                f"WORLD_SIZE={launched}, but there is no process group, so every process trains alone on all rows; "
                "call torch.distributed.init_process_group() before fit."
            )
        return seeds
    given: list[Any] = [None] * n_ranks()
    names = None if labels is None else labels.names.tolist()
    own = (pairs.image.shape, pairs.text.shape, names)
    dist.all_gather_object(given, own)
    for other, shapes in enumerate(given):
        if shapes != given[0]:
            raise ValueError(
                f"process {other} was given image {shapes[0]} and text {shapes[1]}, but process 0 {given[0][0]} and "
                f"{given[0][1]}, or other labels; give all rows to every process, each takes its share of a batch."
            )
    return broadcast(seeds)


def rank_device(device: torch.device) -> torch.device:
    """Return this rank's own GPU where training is on CUDA."""
    if n_ranks() == 1 or device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise ValueError(
            f"device='{device}' with {n_ranks()} processes; 'auto', 'cuda' or 'cpu' let each have its own."
        )
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank())))
    if own.index >= torch.cuda.device_count():
        raise ValueError(
            f"process {own.index} of this machine needs a GPU of its own, but torch finds {torch.cuda.device_count()}; "
            "start as many processes as there are GPUs, or set device='cpu'."
        )
    torch.cuda.set_device(own)
    return own


def measured_by_first(validation: Validation | None) -> Validation | None:
    """Return scores that rank 0 measures for all, so that all keep the same epoch."""
    if n_ranks() == 1 or validation is None:
        return validation
    measure = validation.score

    def score() -> dict[str, float]:
        return broadcast(measure() if rank() == 0 else {})

    return validation._replace(score=score)


class _Gather(torch.autograd.Function):
    """Rows of all ranks, in order; a rank's gradient is that of its own rows, times the number of ranks.

    Every rank computes the same loss of all rows. The gradient of a rank's own rows gives one share of the gradient of
    the parameters. DistributedDataParallel averages the shares over the ranks, and the factor turns the mean into a
    sum.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: Sequence[int]) -> Tensor:
        ctx.own = slice(sum(sizes[: rank()]), sum(sizes[: rank() + 1]))
        ctx.n_ranks = len(sizes)
        # all_gather takes equal shapes only.
        padded = x.new_zeros(max(sizes), *x.shape[1:])
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0][ctx.own] * ctx.n_ranks, None


class JointTerms(nn.Module):
    """The terms of a batch of which every rank holds a share: outputs are gathered before rows are compared.

    The network runs once on one row and once on two. An output that grows has rows of items and is gathered; the
    others, such as label classifiers, are the same on every rank. So authors of methods need not declare which is
    which. Several rows per item must be in blocks of the batch, as those of `DualGAN` are.

    Shapes: image and text of the rank's share, labels (n, c) of the whole batch; output: scalars.

    Parameters
    ----------
    network : nn.Module
        Its outputs have one row per item, or several in blocks of the batch, or do not depend on the batch.
    objective : Objective
        What is minimised.
    dataset : PairsDataset
        Gives the rows on which the network runs.
    """

    def __init__(self, network: nn.Module, objective: Objective, dataset: PairsDataset) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        network.eval()
        with torch.no_grad():
            one = network(*dataset.rows(torch.arange(1, device="cpu"))[:2])
            two = network(*dataset.rows(torch.arange(2, device="cpu"))[:2])
        self.rows_per_item = {name: len(out) - len(one[name]) if out.ndim else 0 for name, out in two.items()}
        # Label graphs are data and equal on every rank; sparse ones cannot be broadcast.
        buffers = [name for name, _ in self.named_buffers()]
        wrapper: Any = nn.parallel.DistributedDataParallel
        wrapper._set_params_and_buffers_to_ignore_for_model(self, buffers)

    def forward(self, image: Tensor, text: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the terms of the whole batch, the same on every rank."""
        sizes = [len(share) for share in torch.tensor_split(labels, n_ranks())]
        outputs = {name: out.float() for name, out in self.network(image, text).items()}
        with torch.autocast(labels.device.type, enabled=False):
            joint = {name: self._joint(name, out, sizes) for name, out in outputs.items()}
            return self.objective.terms(joint, Batch(image, text, labels))

    def _joint(self, name: str, out: Tensor, sizes: Sequence[int]) -> Tensor:
        n_rows = self.rows_per_item[name]
        if n_rows == 0:
            return out
        items = out.reshape(n_rows, -1, *out.shape[1:]).transpose(0, 1).contiguous()  # (n_rank, n_rows, ...)
        # torch publishes no type of `apply`.
        joint: Tensor = _Gather.apply(items, sizes)  # type: ignore[no-untyped-call]
        return joint.transpose(0, 1).flatten(0, 1)


class Shares(torch.utils.data.Dataset[Batch]):
    """Rows of which this rank takes its share of every batch, with the labels of the whole batch."""

    def __init__(self, dataset: PairsDataset) -> None:
        self.dataset = dataset
        self.device = dataset.device
        self.stream = dataset.stream
        self.resident = dataset.resident
        self.threads = dataset.threads

    def __len__(self) -> int:
        return len(self.dataset)

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> Batch:
        """Return the rank's share of the batch of an index tensor, which may also be on the device already."""
        share = torch.tensor_split(index, n_ranks())[rank()]
        own = None if device_index is None else torch.tensor_split(device_index, n_ranks())[rank()]
        return self.dataset.rows(share, own)._replace(labels=self.dataset.labels.rows(index, device_index))


def shared(rows: TrainingRows) -> TrainingRows | Shares:
    """Return the rows as this process sees them."""
    return Shares(rows) if n_ranks() > 1 and isinstance(rows, PairsDataset) else rows


def joint_losses_of(network: nn.Module, objective: Objective, precision: str) -> Callable[[Any], Losses]:
    """Return the function of a batch that is differentiated, where `network` is a wrapped :class:`JointTerms`."""

    def losses(batch: Batch) -> Losses:
        with torch.autocast(batch.labels.device.type, torch.bfloat16, enabled=precision == "bf16"):
            terms = network(*batch)
        return objective.total(terms), terms, {}

    return losses


def joint_loop(loop: LoopOptions, batch_size: int) -> LoopOptions:
    """Return the options of a loop in which every process takes its share of a batch."""
    if n_ranks() == 1:
        return loop
    if batch_size < n_ranks():
        raise ValueError(f"batch_size={batch_size} with {n_ranks()} processes; each needs a row of every batch.")
    factors = {f"network.{name}": factor for name, factor in loop.rate_factors.items()}
    rates = {f"network.{name}": rate for name, rate in loop.rates.items()}
    return loop._replace(smallest_batch=max(loop.smallest_batch, n_ranks()), rate_factors=factors, rates=rates)


def accelerated(net: type[NeuralNet], device: torch.device) -> Callable[..., Any]:
    """Return a maker of nets that average gradients over the ranks, by skorch's AccelerateMixin."""
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        message = "training in several processes needs accelerate: pip install 'skxmr[distributed]'."
        raise ImportError(message) from error
    from skorch.hf import AccelerateMixin

    # Critics may learn with every k-th batch only, so some parameters may have no gradient.
    options = DistributedDataParallelKwargs(find_unused_parameters=True)
    cpu = device.type == "cpu"
    accelerator = Accelerator(device_placement=False, cpu=cpu, mixed_precision="no", kwargs_handlers=[options])
    if accelerator.num_processes != n_ranks():
        raise RuntimeError(
            f"the process group has {n_ranks()} processes, but accelerate sees {accelerator.num_processes}; start them "
            "by torchrun, which tells every process its rank."
        )

    class Accelerated(AccelerateMixin, net):
        # The mixin's own versions know neither our losses nor optimisers that ask for them several times per step.
        train_step_single = net.train_step_single
        _step_optimizer = net._step_optimizer

    def make(*args: Any, **kwargs: Any) -> NeuralNet:
        # The mixin gives this callback a sink, so the callback must exist.
        del kwargs["callbacks__print_log"]
        return Accelerated(*args, accelerator=accelerator, callbacks__print_log__sink=lambda line: None, **kwargs)

    return make
