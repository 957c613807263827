"""Networks over labels: classifiers that are spread over a label graph, and two branches that they classify.

`AdaptiveClassifiers` and `IterativeClassifiers` learn a full matrix of labels by labels, so their cost is quadratic in
the number of labels even where the given graph is sparse.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr.nn.graph_layers import LAYERS, symmetric
from skxmr.nn.networks import SLOPE, Dropout, TwoBranchNetwork

# Share of the entries that the regulariser of ALGCN asks to grow.
_NOISE = 0.2


class MultiHopGNN(nn.Module):
    """Label vectors spread over the label graph by `n_layers` layers of one width (DAGNN, eq. 4).

    `layer` is "gcn", "gat" or "l2gcn"; LeakyReLU stands between those of L2-GCN, which have no activation of their own.
    `aggregate` is "concat" for all layers, ``z_i = W [h1_i || ... || hk_i] + b``, "linear" to map the last layer alone,
    or "last" to use it unchanged.

    Shapes: Q (c, d_in), A (c, c); output (c, d_out).
    """

    def __init__(self, layer: str, d_in: int, width: int, n_layers: int, d_out: int, aggregate: str = "concat") -> None:
        super().__init__()
        self.between = nn.LeakyReLU(SLOPE) if layer == "l2gcn" else nn.Identity()
        widths = [d_in, *[width] * (n_layers - 1), d_out if aggregate == "last" else width]
        self.layers = nn.ModuleList([LAYERS[layer](*pair) for pair in itertools.pairwise(widths)])
        self.aggregate = aggregate
        joined = sum(widths[1:]) if aggregate == "concat" else widths[-1]
        self.output: nn.Module = nn.Identity() if aggregate == "last" else nn.Linear(joined, d_out)

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        hops: list[Tensor] = []
        for layer in self.layers:
            H = self.between(hops[-1]) if hops else Q
            hops.append(layer(H, A))
        return self.output(torch.cat(hops, dim=1) if self.aggregate == "concat" else hops[-1])


class AdaptiveClassifiers(nn.Module):
    """Graph convolutions over ``normalised ReLU(A + gamma B)`` with B (c, c) learned, at first uniform in [0, .02].

    Shapes: Q (c, d_in), A (c, c) not normalised; output (c, d_out).
    """

    def __init__(self, gnn: MultiHopGNN, c: int, gamma: float) -> None:
        super().__init__()
        self.gnn = gnn
        self.gamma = gamma
        self.B = nn.Parameter(torch.empty(c, c).uniform_(0, 0.02))
        self.noise = Dropout(1 - _NOISE)

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        return self.gnn(Q, self.adapted(A))

    def adapted(self, A: Tensor) -> Tensor:
        """Return the adaptive correlation matrix (c, c)."""
        return symmetric(functional.relu(A.to_dense() + self.gamma * self.B))

    def departure(self, A: Tensor) -> Tensor:
        """Sum over the layers of the mean squared distance of the matrix from ``min(.5, A + Bernoulli(.2))``."""
        adapted = self.adapted(A)
        ones = torch.ones_like(self.B)
        departures = []
        for _ in self.gnn.layers:
            target = (A.to_dense() + _NOISE * self.noise(ones)).clamp(max=0.5)
            departures.append(functional.mse_loss(adapted, target))
        return torch.stack(departures).sum()


class IterativeClassifiers(nn.Module):
    """Graph convolutions over a graph that is learned from trainable label vectors (I-GNN).

    ``A = share A_0 + (1 - share) [mean_k cos(w_k * q_i, w_k * q_j)]``, the learned cosines kept where they reach the
    threshold, else 0; then normalised symmetrically. The vectors q start at Q (c, d_label), the weights w of the
    `n_heads` heads uniform in [0, 1].

    Shapes: Q unused, A_0 (c, c); output (c, d_out).
    """

    def __init__(self, gnn: nn.Module, Q: Tensor, n_heads: int, threshold: float, share: float) -> None:
        super().__init__()
        self.gnn = gnn
        self.threshold = threshold
        self.share = share
        self.vectors = nn.Parameter(Q.clone())
        self.heads = nn.Parameter(torch.rand(n_heads, Q.shape[1]))

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        return self.gnn(self.vectors, symmetric(self.adapted(A)))

    def adapted(self, A: Tensor) -> Tensor:
        """Return the mixed graph (c, c), not normalised."""
        unit = functional.normalize(self.heads * self.vectors[:, None, :], dim=2)  # (c, heads, d_label)
        # The mean of the cosines over the heads.
        S = unit.flatten(1) @ unit.flatten(1).T / len(self.heads)
        return self.share * A.to_dense() + (1 - self.share) * S * (self.threshold <= S)


class FreeClassifiers(nn.Module):
    """One free vector per label, a linear classifier; the label vectors and the graph are ignored.

    Shapes: Q (c, d_in) and A (c, c), both unused; output (c, d_out).
    """

    def __init__(self, c: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c, d_out) / math.sqrt(d_out))

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        return self.weight


class LabelGraphNetwork(TwoBranchNetwork):
    """Two encoders, label classifiers that a graph network spreads over the label graph, and perhaps a critic.

    `classifiers` makes Z (c, d) of the label vectors Q (c, d_label) and the label graph A (c, c), which are data and no
    parameters. `critic` judges where rows come from, given h_v, h_t and both embeddings.
    """

    Q: Tensor
    A: Tensor

    def __init__(
        self,
        inputs: Sequence[nn.Module],
        encoders: Sequence[nn.Module],
        classifiers: nn.Module,
        Q: Tensor,
        A: Tensor,
        critic: nn.Module | None,
    ) -> None:
        super().__init__(inputs, encoders)
        self.classifiers = classifiers
        self.critic = critic
        self.register_buffer("Q", Q)
        self.register_buffer("A", A)

    def label_classifiers(self) -> Tensor:
        """Return the classifiers (c, d)."""
        return self.classifiers(self.Q, self.A)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return embeddings, classifiers and, with a critic, its logits."""
        h_v = self.image_input(image)
        h_t = self.text_input(text)
        v = self.image_encoder(h_v)
        t = self.text_encoder(h_t)
        out = {"image": v, "text": t, "classifiers": self.label_classifiers()}
        if self.critic is not None:
            out["from_image"], out["from_text"] = self.critic(h_v, h_t, v, t)
        return out
