"""Encoders of regions and words: RACG's eqs. 1 to 4 as float64 loops, gradients, and what padding must not do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.autograd import gradcheck

from skxmr.pairwise.encoders import RegionEncoder, SentenceEncoder, WordEncoder, position
from skxmr.pairwise.sets import RegionBatch, WordBatch

LENGTHS = [4, 1, 3]


def regions(a=2, r=3, d=5):
    g = torch.Generator().manual_seed(0)
    corners = torch.rand(a, r, 2, 2, dtype=torch.float64, generator=g).sort(dim=2).values
    features = torch.randn(a, r, d, dtype=torch.float64, generator=g)
    return RegionBatch(features, torch.ones(a, r, dtype=torch.bool), corners.reshape(a, r, 4))


def texts(vectors=None, width=4):
    g = torch.Generator().manual_seed(0)
    lengths = torch.tensor(LENGTHS)
    mask = torch.arange(width) < lengths[:, None]
    ids, tags = torch.randint(7, (3, width), generator=g), torch.randint(3, (3, width), generator=g)
    return WordBatch(mask, lengths, mask, None if vectors is not None else ids, tags, vectors, None)


def linear(layer, x):
    return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()


def test_a_region_is_features_and_position_side_by_side():
    torch.manual_seed(0)
    encoder, batch = RegionEncoder(nn.Identity(), 5, 8, 2, unit_length=False).double(), regions()
    found = encoder(batch).detach().numpy()
    for i in range(2):
        for j in range(3):
            left, top, right, bottom = batch.boxes[i, j].tolist()
            where = np.array([2 * (left + right - 1), 2 * (top + bottom - 1), right - left, bottom - top,
                              (right - left) * (bottom - top)])  # fmt: skip
            expected = [*linear(encoder.of_features, batch.features[i, j].numpy()), *linear(encoder.of_position, where)]
            assert_allclose(found[i, j], expected, rtol=1e-12)
    assert gradcheck(lambda x: encoder(RegionBatch(x, batch.mask, batch.boxes)), (batch.features.requires_grad_(),))


def test_the_middle_of_the_image_is_the_origin():
    assert position(torch.tensor([0.25, 0.25, 0.75, 0.75])).tolist() == [0, 0, 0.5, 0.5, 0.25]
    assert position(torch.tensor([0.0, 0.0, 1.0, 1.0])).tolist() == [0, 0, 1, 1, 1]
    assert position(torch.tensor([0.0, 1.0, 0.0, 1.0])).tolist() == [-2, 2, 0, 0, 0]


def gru_loop(gru, x, suffix):
    """One direction of a GRU over the words of one text (w, d), as Cho et al. write it with torch's names."""
    p = {name: value.detach().numpy() for name, value in gru.named_parameters()}
    W, U = p[f"weight_ih_l0{suffix}"], p[f"weight_hh_l0{suffix}"]
    b, c = p[f"bias_ih_l0{suffix}"], p[f"bias_hh_l0{suffix}"]
    h, found = np.zeros(U.shape[1]), []

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    for word in x:
        of_word, of_state = np.split(W @ word + b, 3), np.split(U @ h + c, 3)
        reset, update = (sigmoid(of_word[k] + of_state[k]) for k in (0, 1))
        new = np.tanh(of_word[2] + reset * of_state[2])
        h = (1 - update) * new + update * h
        found.append(h)
    return np.array(found)


@pytest.mark.parametrize("tag_width", [0, 2])
def test_a_word_is_the_mean_of_both_directions(tag_width):
    torch.manual_seed(0)
    encoder, batch = WordEncoder(6, 7, 5, 3, tag_width, unit_length=False).double(), texts()
    found = encoder(batch).detach().numpy()
    for i, n in enumerate(LENGTHS):
        x = encoder.words.weight[batch.ids[i, :n]].detach().numpy()
        if tag_width:
            x = np.concatenate([x, encoder.tags.weight[batch.tags[i, :n]].detach().numpy()], axis=1)
        both = gru_loop(encoder.gru, x, ""), gru_loop(encoder.gru, x[::-1], "_reverse")[::-1]
        assert_allclose(found[i, :n], (both[0] + both[1]) / 2, rtol=1e-10)
        assert (found[i, n:] == 0).all()


def test_given_vectors_pass_one_layer():
    torch.manual_seed(0)
    vectors = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    encoder = WordEncoder(6, 0, 5, 0, 0, unit_length=False).double()
    found = encoder(texts(vectors)).detach().numpy()
    assert_allclose(found[0, 2], linear(encoder.linear, vectors[0, 2].detach().numpy()), rtol=1e-12)
    assert encoder.gru is None and encoder.words is None
    assert gradcheck(lambda v: encoder(texts(v)), (vectors,))


def test_what_stands_behind_a_text_does_not_reach_it():
    torch.manual_seed(0)
    encoder, batch = WordEncoder(6, 7, 5, 3, 2, unit_length=True).double(), texts()
    found = encoder(batch)
    ids = torch.where(batch.mask, batch.ids, 6 - batch.ids)
    assert_allclose(encoder(WordBatch(batch.mask, batch.lengths, batch.mask, ids, batch.tags, None, None)).detach(),
                    found.detach(), rtol=1e-12)  # fmt: skip
    alone = batch[1:2].each(lambda part: part[:, :1] if part.ndim > 1 else part)
    assert_allclose(encoder(alone).detach()[0, 0], found[1, 0].detach(), rtol=1e-12)


def test_nodes_have_length_1_where_that_is_asked_for():
    torch.manual_seed(0)
    for encoder, batch in (
        (RegionEncoder(nn.Identity(), 5, 8, 2, unit_length=True).double(), regions()),
        (WordEncoder(6, 7, 5, 3, 2, unit_length=True).double(), texts()),
    ):
        lengths = torch.linalg.vector_norm(encoder(batch), dim=2)[batch.mask]
        assert_allclose(lengths.detach(), 1, rtol=1e-12)


def test_batches_are_sliced_together_and_none_stays():
    batch = texts()[1:]
    assert batch.ids.shape == (2, 4) and batch.lengths.tolist() == [1, 3] and batch.vectors is None


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sentence_is_the_last_state_of_its_gru(bidirectional):
    """VSE++ eq. 2; both directions have read the whole sentence, the second one up to its first word."""
    torch.manual_seed(0)
    encoder = SentenceEncoder(6, 7, 4, bidirectional).double()
    batch = texts()
    found = encoder(batch).detach().numpy()
    for i, length in enumerate(LENGTHS):
        x = encoder.words.weight.detach().numpy()[batch.ids[i, :length].numpy()]
        states = [gru_loop(encoder.gru, x, "")[-1]]
        if bidirectional:
            states.append(gru_loop(encoder.gru, x[::-1], "_reverse")[-1])
        mean = np.mean(states, axis=0)
        assert_allclose(found[i], mean / np.sqrt((mean**2).sum()), rtol=1e-12)


def test_gradients_of_a_sentence_flow_to_its_own_words_alone():
    torch.manual_seed(0)
    encoder = SentenceEncoder(6, 0, 5, bidirectional=False).double()
    vectors = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: encoder(texts(x)), (vectors,))
    encoder(texts(vectors)).sum().backward()
    mask = texts(vectors).mask
    assert (vectors.grad[~mask] == 0).all() and (vectors.grad[mask].abs().sum(dim=1) > 0).all()
