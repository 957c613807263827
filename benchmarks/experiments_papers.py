"""The figures of the papers, in the order of the page, with what each paper shows."""

from __future__ import annotations

from functools import partial

import experiments_parts as parts
import experiments_says as says
from experiments_drawn import label_maps, looking, nodes, ranking_curves, spaces, trainings
from experiments_figures import Figure
from experiments_fits import Fit
from experiments_grids import Axis, Grid, heat_map, heat_maps, over, surfaces

# alpha and beta of ACMR's Figure 6.
_WEIGHTS = (0, 0.01, 0.1, 1, 10, 100)
_CLOSED = ("CCA", "PLS", "MLCCA", "SemanticMatching")
_ACMR = Fit("articles", {})
_SPACES = {
    "L_imi, no adversary": Fit("articles", {"alpha": 100, "beta": 0, "w_adv": 0}),
    "L_imi, adversary": Fit("articles", {"alpha": 100, "beta": 0}),
    "whole ACMR": _ACMR,
}
_WHOLE = Fit("racg", {})


ACMR = {
    "acmr_scope": Figure(
        "Precision over scope, and over recall",
        "[wang2017], Figure 3",
        "ACMR is above CCA and six other methods for every scope from 50 to 1,000, in both directions. The paper has "
        "no curves over recall.",
        {**{name: Fit("articles", {"method": name}) for name in _CLOSED}, "ACMR": _ACMR},
        ranking_curves,
        says.first_and_last,
        "they disagree: on these shallow features ACMR, with the constants of its paper, is not ahead of the closed "
        "forms. Among the first rows it is behind CCA and MLCCA, and only among the first 1,000 texts is it the best.",
    ),
    "acmr_space": Figure(
        "The common space without and with the adversary",
        "[wang2017], Figure 4",
        "with the adversary, images and texts are mixed and less distinguishable; with the label prediction as well, "
        "they form clusters by class in which both modalities lie together.",
        _SPACES,
        spaces,
        says.told_apart,
        "they disagree: the adversary alone does not mix the modalities here, where alpha is 100 so that anything is "
        "learned besides L_reg. Label prediction brings them nearer, and texts form clusters by class, but images do "
        "so hardly.",
    ),
    "acmr_training": Figure(
        "The training of ACMR",
        "[wang2017], Figure 5",
        "the embedding loss falls almost monotonously; the adversarial loss vibrates for about ten epochs, then stays "
        "where it is; the mAP rises while it vibrates and then holds.",
        {"ACMR": _ACMR},
        partial(trainings, left_out=("loss", "norm")),
        says.course,
        "they agree that the label prediction falls smoothly and that the mAP rises early. The rest differs: the "
        "invariance term rises at first, and the adversarial loss neither vibrates nor settles: it falls slowly from "
        "that of guessing, so that the modality classifier gets better until the end.",
    ),
    "acmr_weights": Figure(
        "Weights of invariance and label prediction",
        "[wang2017], Figure 6a",
        "ACMR performs well with alpha and beta from .01 to .1; L_imd contributes more than L_imi.",
        Grid("acmr", over("alpha", _WEIGHTS), over("beta", _WEIGHTS)),
        partial(heat_map, size=(6.5, 4.2)),
        says.acmr_weights,
        "they agree that L_imd contributes more. They disagree about the range: with alpha and beta from .01 to .1 "
        "hardly anything is learned, because L_reg, with weight 1 as printed, outweighs them. Only beta 100 works.",
    ),
    "acmr_k": Figure(
        "Steps of the projectors per step of the modality classifier",
        "[wang2017], Figure 6b",
        "k matters, and is best at 4 or 5.",
        Grid("acmr", over("k", (1, 2, 3, 4, 5, 6))),
        heat_map,
        says.single,
        "they disagree: k changes nothing here. The embedding loss decides what is learned, and the adversary has "
        "little to do with it.",
    ),
}
DAGNN = {
    "dagnn_layers": Figure(
        "Graph networks and numbers of layers",
        "[qian2021], Figure 4",
        "without layer aggregation, GAT and GCN are best with one or two layers and decline with more; multi-hop "
        "networks get better as they become deeper.",
        Grid(
            "dagnn",
            over("n_layers", (1, 2, 3, 4, 5), "number of layers"),
            Axis(
                "",
                {
                    "GAT": {"gnn": "gat", "aggregate": "linear"},
                    "GCN": {"aggregate": "linear"},
                    "multi-hop GAT": {"gnn": "gat"},
                    "multi-hop GCN": {},
                },
            ),
        ),
        partial(heat_map, size=(6.5, 3)),
        says.layers,
        "they agree in the main: without aggregation GCN declines as it becomes deeper and GAT gains little, while "
        "multi-hop networks keep their level. That multi-hop GAT is best when it is deepest is within chance.",
    ),
    "dagnn_tau_p": Figure(
        "Threshold and weight of the label graph",
        "[qian2021], Implementation Details",
        "a grid search, which is not shown, chose tau .4 and p .5 for graph convolution.",
        Grid("dagnn", over("tau", (0.1, 0.2, 0.4, 0.6)), over("p", (0.1, 0.25, 0.5, 1.0))),
        heat_maps,
        says.best,
        "both hardly matter here. Fewer and weaker edges are slightly better: p .1 is the best row in the mean, and "
        "tau .1 with a larger p the worst corner. This goes with the identity graph, which costs nothing on this set "
        "([DAGNN](dagnn.md)).",
    ),
    "dagnn_classifiers": Figure(
        "Classifiers of labels with and without the graph network",
        "[qian2021], Figure 5",
        "with the multi-hop network, similar labels have similar classifiers; without it, baby is far from people, "
        "male and female, and flower from plant and tree.",
        {
            "multi-hop GAT": Fit("tags", {}),
            "linear classifiers": Fit("tags", {"classifier": "linear"}),
        },
        label_maps,
        says.similar,
        "in part: in the pictures baby is beside people and female with the graph network and away from them without "
        "it, as in the paper; flower is beside plant either way. By cosine, which t-SNE need not keep, these labels "
        "are not nearer than others.",
    ),
}
ALGCN = {
    "algcn_classifiers": Figure(
        "Classifiers of labels with and without graph convolution",
        "[qian2022], Figure 4",
        "with graph convolution, the classifiers of a cluster are more concentrated and clusters farther apart.",
        {
            "ALGCN": Fit("tags", {"method": "ALGCN"}),
            "the same loss, linear classifiers": Fit("tags", {"classifier": "linear", "discriminator": None}),
        },
        label_maps,
        says.similar,
        "they disagree: the same clusters, of people, animals, vehicles and waters, are there with and without graph "
        "convolution.",
    )
}
L2GCN = {
    "l2gcn_layers": Figure(
        "Numbers of layers and terms of the loss",
        "[l2gcn2026], Figures 5 and 6",
        "accuracy is best with 5 layers, lower with 1 or 2 and with 6 to 8; it is highest with all terms whatever the "
        "number of layers (.82 with 5); removing a term costs little, but removing the proposed one costs 2 %. The "
        "text that is at hand lacks the names of the terms.",
        Grid(
            "l2gcn",
            over("n_layers", (1, 2, 3, 5, 8), "number of layers"),
            Axis(
                "terms",
                {
                    "all but circle": {},
                    "all": {"epsilon": 0.6},
                    "soft only": {"w_cla": 0, "w_adv": 0},
                    "no adversary": {"w_adv": 0},
                    "no classification": {"w_cla": 0},
                    "no Circle-Soft": {"w_soft": 0},
                },
            ),
        ),
        partial(heat_map, size=(6.8, 3.4)),
        says.losses,
        "they agree that many layers are worse and that the proposed loss matters most. They disagree about the "
        "rest: one or two layers are best, the adversary costs a little, and the circle part of the loss costs much. "
        "Without the classification nothing depends on the layers.",
    ),
    "l2gcn_models": Figure(
        "Graph networks for the labels",
        "[l2gcn2026], Figures 7 and 8",
        "L2-GCN is ahead of GAT and GCN in both directions, and slightly ahead of BaGFN in the mean. BaGFN is not part "
        "of the library.",
        Grid("l2gcn", Axis("graph network", {"L2-GCN": {}, "GCN": {"layer": "gcn"}, "GAT": {"layer": "gat"}})),
        heat_map,
        says.single,
        "they disagree: the three are within a hundredth of one another, and L2-GCN is not ahead.",
    ),
    "l2gcn_weights": Figure(
        "Weights of classification and adversary",
        "[l2gcn2026], Figures 9 to 12",
        "accuracy falls dramatically as one weight goes from 2.2 to 0; over the other it has the shape of an arch with "
        "its peak at 1.1. The text that is at hand lacks their names; here 1.1 is that of the classification.",
        Grid("l2gcn", over("w_cla", (0, 0.55, 1.1, 2.2)), over("w_adv", (0, 1.1, 2.2, 3.3))),
        surfaces,
        says.two_weights,
        "they disagree: leaving the adversary out costs nothing, and more of it makes the ranking slightly worse. Over "
        "the weight of the classification there is a flat arch, too small to be more than chance.",
    ),
    "l2gcn_epsilon": Figure(
        "The balance of circle and soft contrastive term",
        "[l2gcn2026], Figure 13",
        "of .3 to .7, a threshold epsilon of .6 is best on all three sets.",
        Grid("l2gcn", Axis("epsilon", {0: {}} | over("epsilon", (0.3, 0.4, 0.5, 0.6, 0.7)).values)),
        heat_map,
        says.single,
        "they disagree: the more weight the circle term has, the worse. The soft contrastive term alone, the default "
        "of the library, is best.",
    ),
    "l2gcn_training": Figure(
        "The training of L2-GCN",
        "[l2gcn2026], Figures 15 and 16",
        "within 40 epochs the loss falls rapidly and then is stable, at about .153 on MIRFlickr and .01 on NUS-WIDE.",
        {"L2-GCN, epsilon 0": Fit("l2gcn", {}), "L2-GCN, epsilon .6": Fit("l2gcn", {"epsilon": 0.6})},
        trainings,
        says.course,
        "in 8 epochs the loss falls a little and is not stable yet. Its height depends on the data and on how terms "
        "are summed, so it is not compared.",
    ),
}
RACG = {
    "racg_heads": Figure(
        "Number of heads",
        "[peng2022], Figure 10",
        "of 8 to 128 heads, 64 of them are best for nodes of 1,024 columns; the number matters little.",
        Grid("racg", Axis("n_heads", {4: {"n_heads": 4}, 16: {}, 64: {"n_heads": 64}}), score="R@1"),
        heat_map,
        says.single,
        "they agree: 4 or 16 heads differ little, and too many are bad. 64 heads have one column each here, and "
        "learned nothing in 6 epochs.",
    ),
    "racg_auxiliary": Figure(
        "The auxiliary loss",
        "[peng2022], Figure 9",
        "with the auxiliary loss the whole loss converges to a lower value, and R@1 is higher, especially at early "
        "iterations.",
        {"with the auxiliary loss": _WHOLE, "without it": Fit("racg", {"tau": 0})},
        partial(trainings, left_out=[f"validation_{key}_r{k}" for key in ("i2t", "t2i") for k in (5, 10)]),
        says.course,
        "they agree: with the auxiliary loss learning begins an epoch earlier, and the triplets end lower. The whole "
        "loss ends a little higher, since it contains a term more.",
    ),
    "racg_parts": Figure(
        "RACG without its parts",
        "[peng2022], Figures 8 and 9",
        "without the auxiliary loss R@1 is lower, above all at early iterations; dense connections are worse than "
        "those of nouns and adjectives.",
        {},
        parts.draw,
        parts.says,
        "they agree about the auxiliary loss and about dense connections. The differences of single seeds may be "
        "chance. One of five fits without heads never began to learn, which makes up most of its difference.",
        where=parts.WHERE,
    ),
    "racg_words": Figure(
        "Words that are connected with regions",
        "[peng2022], Figure 8",
        "nouns and adjectives are better than nouns alone; dense connections between regions and words are worse.",
        Grid(
            "racg",
            Axis("words", {"nouns": {"cross_words": "nouns"}, "and attributes": {}, "all": {"cross_words": "all"}}),
            score="R@1",
        ),
        heat_map,
        says.single,
        "they agree in their order, but differences of this size may be chance with one seed.",
    ),
    "racg_attention": Figure(
        "Words and regions",
        "[peng2022], Figure 7",
        "regions with high weights are those that the text is about, such as players and a man's hat.",
        {"RACG": _WHOLE},
        looking,
        lambda found, fits: "the picture shows which digits the words of a sentence look at.",
        "in part: words that name a digit look at digits and the others do not, but zero looks most at a four.",
    ),
    "racg_nodes": Figure(
        "Regions and words of five pairs",
        "[peng2022], Figure 6",
        "nodes as encoded are scattered; messages within a modality gather similar ones; messages between modalities "
        "bring regions and words of a pair together.",
        {"RACG": _WHOLE},
        nodes,
        lambda found, fits: "the picture shows the nodes of five pairs that were not fitted.",
        "they disagree: regions and words stay apart, because the equations divide a message by the number of nodes "
        "twice ([fine-grained retrieval](fine_grained.md)). The similarity does not need them to be near.",
    ),
}
PAPERS = {"ACMR": ACMR, "DAGNN": DAGNN, "ALGCN": ALGCN, "L2-GCN with Circle-Soft": L2GCN, "RACG": RACG}
