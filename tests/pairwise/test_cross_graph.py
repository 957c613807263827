"""Regions against words: SCAN's and RACG's equations as float64 loops, invariances, masks, gradients."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skxmr.nn import contrastive
from skxmr.pairwise.cross_attention import attended_cosines, masked_softmax, pooled
from skxmr.pairwise.cross_graph import CrossGraph, Words
from skxmr.pairwise.relations import relations_of


def sets(a=3, r=4, b=2, w=5, d=6, seed=0):
    """Images with 2 to r regions, texts with 2 to w words, every image and text of another size."""
    g = torch.Generator().manual_seed(seed)
    regions, words = (torch.randn(*shape, dtype=torch.float64, generator=g) for shape in ((a, r, d), (b, w, d)))
    region_mask = torch.arange(r) < torch.tensor([max(2, r - i) for i in range(a)])[:, None]
    word_mask = torch.arange(w) < torch.tensor([max(2, w - i) for i in range(b)])[:, None]
    anchors = torch.rand(b, w, generator=g) < 0.6
    anchors[:, 0] = True
    edges = torch.rand(b, w, w, generator=g) < 0.4
    return regions, region_mask, Words(words, word_mask, anchors, edges | edges.transpose(1, 2))


def unit(x):
    return x / max(math.sqrt(sum(float(v) ** 2 for v in x)), 1e-300)


def softmax(values):
    powers = [math.exp(v) for v in values]
    return [p / sum(powers) for p in powers]


def scan_loop(regions, words, sharpness):
    """Of one image (r, d) and one text (w, d): the cosine of every word with the regions it attends to."""
    s = [[float(v @ q) for q in words] for v in regions]
    s = [[x if x > 0 else 0.1 * x for x in row] for row in s]
    s = [[x / (math.sqrt(sum(y * y for y in row)) + 1e-8) for x in row] for row in s]
    found = []
    for j, q in enumerate(words):
        alpha = softmax([sharpness * row[j] for row in s])
        attended = sum(weight * v for weight, v in zip(alpha, regions, strict=True))
        found.append(float(unit(q) @ unit(attended)))
    return found


def test_attended_cosines_are_scans_equations():
    regions, region_mask, words = sets()
    found = attended_cosines(regions, region_mask, words.h, words.mask, 9.0)
    back = attended_cosines(words.h, words.mask, regions, region_mask, 4.0)
    for i in range(3):
        for j in range(2):
            V, W = regions[i][region_mask[i]].numpy(), words.h[j][words.mask[j]].numpy()
            assert_allclose(found[i, j][words.mask[j]], scan_loop(V, W, 9.0), rtol=1e-6)
            assert_allclose(back[j, i][region_mask[i]], scan_loop(W, V, 4.0), rtol=1e-6)
            assert (found[i, j][~words.mask[j]] == 0).all()


def test_cosines_stay_cosines_where_the_attended_sum_vanishes():
    x = torch.randn(1, 1, 8)
    context = torch.cat([x, -(math.e**2) * x], dim=1)
    found = attended_cosines(context, torch.ones(1, 2, dtype=torch.bool), x, torch.ones(1, 1, dtype=torch.bool), 1.0)
    assert found.abs().max() <= 1


def test_a_pair_without_any_node_has_a_finite_similarity():
    regions, mask, words = sets(2, 3, 2, 3, 6)
    mask[0], model = False, model_of()
    words.mask[1] = False
    similarity = model(regions, mask, words)
    similarity.sum().backward()
    assert torch.isfinite(similarity).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_pooling_is_equation_6_or_the_mean():
    values = torch.tensor([[0.1, 0.7, -0.3]], dtype=torch.float64)
    mask = torch.tensor([[True, True, False]])
    assert_allclose(pooled(values, mask, 6.0), [math.log(math.exp(0.6) + math.exp(4.2)) / 6])
    assert_allclose(pooled(values, mask, None), [0.4])
    for sharpness in (6.0, None):
        assert pooled(values, torch.zeros(1, 3, dtype=torch.bool), sharpness).tolist() == [0]


def test_a_softmax_over_nothing_is_zero_and_has_no_gradient():
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    allowed = torch.tensor([[True, False, True], [False, False, False]])
    found = masked_softmax(x, allowed)
    assert_allclose(found[0].detach(), [*softmax([x[0, 0].item(), x[0, 2].item()])[:1], 0, 1 - found[0, 0].item()])
    assert (found[1] == 0).all()
    assert gradcheck(lambda x: masked_softmax(x, allowed), (x,))
    assert masked_softmax(torch.tensor([1e4, -1e4]), torch.tensor([True, True])).tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_attention_in_half_precision_is_that_of_float64_rounded(dtype):
    eps = torch.finfo(dtype).eps
    x = torch.tensor([[3.0, 9.0, -2.0], [6e4, -6e4, 6e4], [6e4, 1.0, 6e4]], dtype=dtype, requires_grad=True)
    allowed = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    found = masked_softmax(x, allowed)
    assert found.dtype == dtype and found[1].tolist() == [0.5, 0, 0.5] and found[2].tolist() == [0, 0, 0]
    assert_allclose(found[0].detach().double(), [*softmax([3.0, -2.0])[:1], 0, softmax([3.0, -2.0])[1]], rtol=2 * eps)
    found.square().sum().backward()
    assert torch.isfinite(x.grad).all() and (x.grad[~allowed] == 0).all() and x.grad[0, 0] > 0

    regions, region_mask, words = sets()
    regions, h = (torch.nn.functional.normalize(v, dim=2) for v in (regions, words.h))
    regions[~region_mask.expand(regions.shape[:2])], h[~words.mask] = 0, 0  # as packed sets are filled up
    exact = attended_cosines(regions, region_mask, h, words.mask, 4.0)
    low = regions.to(dtype).requires_grad_()
    cosines = attended_cosines(low, region_mask, h.to(dtype), words.mask, 4.0)
    assert_allclose(cosines.detach().double(), exact, atol=3 * eps)
    for sharpness in (6.0, None):
        wanted = pooled(exact, words.mask, sharpness)
        assert_allclose(pooled(cosines, words.mask, sharpness).detach().double(), wanted, atol=3 * eps)
        assert pooled(cosines, torch.zeros_like(words.mask), sharpness).eq(0).all()
    pooled(cosines, words.mask, 6.0).sum().backward()
    assert torch.isfinite(low.grad).all()


def graph_loop(model, regions, words, anchors, edges, nodes_only=False):
    """Eqs. 5 to 20 of one image (r, d) and one text (w, d), node by node."""
    p = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    H, r, n = [*regions, *words], len(regions), len(regions) + len(words)

    def neighbours(i):
        if i < r:
            inside = range(r) if model.image_graph else [i]
            outside = [r + j for j in range(n - r) if anchors[j]] if model.cross_graph else []
        else:
            inside = [r + j for j in range(n - r) if edges is None or edges[i - r][j] or j == i - r]
            inside = inside if model.text_graph else [i]
            outside = range(r) if model.cross_graph and anchors[i - r] else []
        return list(inside), list(outside)

    def kappa(h):
        return p["kappa.weight"] @ h + p["kappa.bias"]

    def mu(h):
        return p["mu.weight"] @ h + p["mu.bias"]

    C = []
    for i in range(n):
        total = np.zeros(len(H[0]))
        for group in neighbours(i):  # the softmax is over one modality
            weights = softmax([kappa(H[i]) @ mu(H[k]) for k in group]) if group else []
            for weight, k in zip(weights, group, strict=True):
                total += p["W_2.weight"] @ (weight / n * (p["W_1.weight"] @ H[k]) + H[i])
        C.append(unit(total / (n if model.second_mean else 1) + p["bias"]))
    if nodes_only:
        return np.array(C)
    s = []
    for i in range(n):
        rebuilt = sum(w * c for w, c in zip(softmax([model.scale * H[i] @ c for c in C]), C, strict=True))
        name = "image_scores" if i < r else "text_scores"
        if model.n_heads is None:
            s.append(float(unit(H[i]) @ unit(rebuilt)))
            continue
        cosines = [
            float(unit(h) @ unit(q))
            for h, q in zip(np.split(H[i], model.n_heads), np.split(rebuilt, model.n_heads), strict=True)
        ]
        hidden = np.tanh(p[f"{name}.0.weight"] @ cosines + p[f"{name}.0.bias"])
        s.append((p[f"{name}.2.weight"] @ hidden + p[f"{name}.2.bias"]).item())
    return (np.mean(s[:r]) + np.mean(s[r:])) / 2


SWITCHES = [
    {},
    {"n_heads": None},
    {"image_graph": False},
    {"text_graph": False},
    {"cross_graph": False},
    {"second_mean": False, "scale": 1.5},
]


def model_of(**changes):
    torch.manual_seed(0)
    model = CrossGraph(6, **{"n_heads": 3} | changes).double()
    torch.nn.init.normal_(model.bias)
    return model


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("sparse", [True, False])
def test_the_graph_is_equations_5_to_20(switches, sparse):
    regions, region_mask, words = sets()
    words = words if sparse else words._replace(edges=None)
    model = model_of(**switches)
    found = model(regions, region_mask, words).detach()
    for i in range(3):
        for j in range(2):
            m = words.mask[j]
            edges = words.edges[j][m][:, m].numpy() if sparse else None
            V, W = regions[i][region_mask[i]].numpy(), words.h[j][m].numpy()
            assert_allclose(found[i, j], graph_loop(model, V, W, words.anchors[j][m].numpy(), edges), rtol=1e-9)


@pytest.mark.parametrize("switches", SWITCHES)
def test_the_nodes_that_can_be_looked_at_are_those_of_equation_11(switches):
    """After all messages, and without those between the modalities."""
    regions, region_mask, words = sets()
    model = model_of(**switches)
    for i in range(3):
        for j in range(2):
            image = model.image_side(regions[i : i + 1], region_mask.expand(3, -1)[i : i + 1])
            text = model.text_side(Words(*(part[j : j + 1] for part in words)))
            with torch.inference_mode():
                found = relations_of(model, image, text)
            m = words.mask[j]
            V, W = regions[i][region_mask.expand(3, -1)[i]].numpy(), words.h[j][m].numpy()
            edges = words.edges[j][m][:, m].numpy()
            anchors = words.anchors[j][m].numpy()
            expected = graph_loop(model, V, W, anchors, edges, nodes_only=True)
            assert_allclose(found.integrated, expected, atol=1e-6)
            alone = graph_loop(model, V, W, np.zeros_like(anchors), edges, nodes_only=True)
            assert_allclose(found.within, alone, atol=1e-6)
            assert_allclose(found.nodes, np.concatenate([V, W]), atol=1e-6)


def test_sparse_is_dense_where_all_words_depend_on_all():
    regions, region_mask, words = sets()
    model = model_of()
    full = model(regions, region_mask, words._replace(edges=torch.ones_like(words.edges)))
    assert_allclose(full.detach(), model(regions, region_mask, words._replace(edges=None)).detach(), rtol=1e-12)
    assert not np.allclose(full.detach(), model(regions, region_mask, words).detach(), rtol=1e-6)


def scan(regions, region_mask, words):
    t2i = pooled(attended_cosines(regions, region_mask, words.h, words.mask, 9.0), words.mask, 6.0)
    i2t = pooled(attended_cosines(words.h, words.mask, regions, region_mask, 4.0), region_mask, 5.0)
    return t2i + i2t.T


@pytest.mark.parametrize("similarity", [scan, model_of()], ids=["scan", "racg"])
class TestSets:
    def test_the_order_of_regions_and_words_does_not_matter(self, similarity):
        regions, mask, words = sets()
        g = torch.Generator().manual_seed(1)
        p, q = torch.randperm(4, generator=g), torch.randperm(5, generator=g)
        moved = Words(words.h[:, q], words.mask[:, q], words.anchors[:, q], words.edges[:, q][:, :, q])
        found = similarity(regions[:, p], mask[:, p], moved)
        assert_allclose(found.detach(), similarity(regions, mask, words).detach(), rtol=1e-10)

    def test_what_is_not_there_changes_nothing(self, similarity):
        regions, mask, words = sets()
        wanted = similarity(regions, mask, words).detach()
        regions[~mask] = 1e3
        h = words.h.clone()
        h[~words.mask] = -50.0
        noise = Words(h, words.mask, words.anchors | ~words.mask, words.edges | ~words.mask[:, None])
        assert_allclose(similarity(regions, mask, noise).detach(), wanted, rtol=1e-10)
        longer = [torch.nn.functional.pad(x, (0, 0, 0, 2)) for x in (regions, h)]
        padded = Words(
            longer[1],
            *(torch.nn.functional.pad(x, (0, 2)) for x in (words.mask, words.anchors)),
            torch.nn.functional.pad(words.edges, (0, 2, 0, 2)),
        )
        found = similarity(longer[0], torch.nn.functional.pad(mask, (0, 2)), padded)
        assert_allclose(found.detach(), wanted, rtol=1e-10)

    def test_a_pair_does_not_depend_on_its_batch(self, similarity):
        regions, mask, words = sets()
        wanted = similarity(regions, mask, words).detach()
        alone = similarity(regions[1:2], mask[1:2], Words(*(part[1:2] for part in words)))
        assert_allclose(alone.detach(), wanted[1:2, 1:2], rtol=1e-10)

    def test_gradients_are_right_and_finite_where_nothing_is_masked_in(self, similarity):
        regions, mask, words = sets(2, 3, 2, 3, 6)
        words = words._replace(anchors=torch.zeros_like(words.anchors))
        inputs = regions.requires_grad_(), words.h.requires_grad_()
        assert gradcheck(lambda x, h: similarity(x, mask, words._replace(h=h)), inputs)


def test_heads_must_divide_the_width():
    for n_heads in (4, 0, -2):
        with pytest.raises(ValueError, match=f"n_heads={n_heads} does not divide the width 6"):
            CrossGraph(6, n_heads=n_heads)


def hardest_loop(S, alike, i, axis):
    others = [j for j in range(len(S)) if j != i and not (alike[i][j] if axis else alike[j][i])]
    return max((S[i][j].item() if axis else S[j][i].item() for j in others), default=-math.inf)


@pytest.mark.parametrize("n", [1, 2, 6])
def test_hardest_negatives_are_equations_21_and_22(n):
    S = torch.rand(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n)).requires_grad_()
    groups = torch.arange(n) // 2  # two texts an image
    alike = groups[:, None] == groups
    triplet = absolute = 0.0
    for i in range(n):
        for axis in (True, False):
            hard = hardest_loop(S, alike, i, axis)
            triplet += max(0.0, 0.2 - S[i, i].item() + hard)
            absolute += max(0.0, hard - 0.3)
        absolute += max(0.0, 0.7 - S[i, i].item())
    assert_allclose(contrastive.hardest_triplets(S, alike).detach(), triplet, rtol=1e-12)
    assert_allclose(contrastive.absolute_similarity(S, alike).detach(), absolute, rtol=1e-12)
    assert gradcheck(lambda S: contrastive.hardest_triplets(S, alike), (S,))
    assert gradcheck(lambda S: contrastive.absolute_similarity(S, alike), (S,))
