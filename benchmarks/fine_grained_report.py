"""Tables of what fine_grained.py measured."""

from __future__ import annotations

from typing import Any

import pandas as pd
from common import markdown, mean_and_spread
from scenes import ABLATIONS, EMBEDDING, TEXTS

# In the table of ablations alone.
PARTS = {*ABLATIONS, *TEXTS} - {"RACG", "RACG, dense"}
DIRECTIONS = (("i2t", "image→text"), ("t2i", "text→image"))


def page(records: list[dict[str, Any]]) -> str:
    """Return all tables, as far as their fits are finished."""
    frame = pd.DataFrame(records)
    if frame.empty:
        return ""
    parts = [
        ("## Methods", comparison(frame)),
        ("## RACG without its parts", ablations(frame)),
        ("## Two-stage search", two_stage(frame)),
        ("## Re-ranking", reranking(frame)),
    ]
    return "\n\n".join(f"{title}\n\n{table}" for title, table in parts if table)


# Methods in the README, in words, those that see where the regions are first.
README = {
    "RACG": ("`RACG`", "yes"),
    "SCAN t2i, positions as features": ("`SCAN`, words attend to regions, boxes among the features", "yes"),
    "SCAN, both": ("`SCAN`, both directions of attention together", "no"),
    "CCA on kernel means": ("`CCA` on the mean of kernel features of the regions", "no"),
    "VSEPP, then SCAN t2i": ("`TwoStage` of `VSEPP` and `SCAN`, words attend to regions", "no"),
    "VSEPP on kernel means": ("`VSEPP` on the mean of kernel features of the regions", "no"),
    "DCCA": ("`DCCA` on the mean of the regions", "no"),
    "VSEPP": ("`VSEPP` on the mean of the regions", "no"),
}


def readme_table(records: list[dict[str, Any]]) -> str:
    """Return the README's table of R@1, which says which methods see the boxes of the regions."""
    frame = pd.DataFrame(records)
    rows = []
    for name, (title, sees_boxes) in README.items():
        found = runs(frame, name)
        row: dict[str, object] = {"method": title, "sees boxes": sees_boxes}
        row |= {f"{direction} R@1": mean_and_spread(found[f"{key}_r1"]) for key, direction in DIRECTIONS}
        rows.append(row | {"seeds": len(found)})
    return markdown(rows)


def runs(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the fits of a method by seed."""
    return frame[frame["name"] == name].set_index("seed").sort_index()


def cells(found: pd.DataFrame) -> dict[str, object]:
    """Return means and spreads over the seeds."""
    row: dict[str, object] = {
        f"{title} R@{k}": mean_and_spread(found[f"{key}_r{k}"]) for key, title in DIRECTIONS for k in (1, 10)
    }
    return row | {"mR": mean_and_spread(found["mr"]), "twins": mean_and_spread(found["twins"]), "seeds": len(found)}


def comparison(frame: pd.DataFrame) -> str:
    """Return the table of methods, and how far RACG is ahead of the best that embeds."""
    names = [name for name in dict.fromkeys(frame["name"]) if name not in PARTS]
    order = [name for name in EMBEDDING if name in names] + [name for name in names if name not in EMBEDDING]
    rows = []
    for name in order:
        found = runs(frame, name)
        chosen = ", ".join(f"{key.split('__')[-1]}={value}" for key, value in found["chosen"].iloc[0].items())
        cost = {"fit, s": f"{found['fit_s'].mean():.0f}", "chosen (first seed)": chosen}
        rows.append({"method": name, **cells(found), **cost})
    return markdown(rows) + ratios(frame, order)


def ratios(frame: pd.DataFrame, names: list[str]) -> str:
    """Return a table of how many times RACG's R@1 is that of the best methods that embed, paired over the seeds."""
    embedding = [name for name in names if name in EMBEDDING]
    racg = runs(frame, "RACG")
    if not embedding or racg.empty:
        return ""
    pooled = [name for name in embedding if "kernel" not in name]
    rows = []
    for among, those in (("on the mean of the regions", pooled), ("with embeddings", embedding)):
        for key, title in DIRECTIONS:
            best = max(those, key=lambda name, key=key: runs(frame, name)[f"{key}_r1"].mean())
            ratio = (racg[f"{key}_r1"] / runs(frame, best)[f"{key}_r1"]).dropna()
            row = {"direction": title, "compared with": f"{best}, the best method {among}"}
            rows.append(row | {"ratio": f"{ratio.mean():.2f}", "ratio in the worst seed": f"{ratio.min():.2f}"})
    return f"\n\nThe R@1 of RACG divided by that of another method, mean over the seeds:\n\n{markdown(rows)}"


def ablations(frame: pd.DataFrame) -> str:
    """Return the table of RACG without single parts, with differences paired over the seeds."""
    whole = runs(frame, "RACG")
    rows = []
    for name in (*ABLATIONS, *TEXTS):
        found = runs(frame, name)
        if found.empty or whole.empty:
            continue
        row = {"model": name, **cells(found)}
        for key, title in DIRECTIONS:
            gain = (found[f"{key}_r1"] - whole[f"{key}_r1"]).dropna()
            row[f"{title} R@1 minus RACG's"] = "" if name == "RACG" else mean_and_spread(gain, "+")
        rows.append(row)
    return markdown(rows) if len(rows) > 1 else ""


def two_stage(frame: pd.DataFrame) -> str:
    """Return how much of RACG's R@1 is kept with candidates of CCA, and what it costs."""
    found = runs(frame, "RACG")
    if "share" not in found or found["share"].isna().all():
        return ""
    found = found.dropna(subset="share")
    rows = []
    for stage, title in (("one_stage", "RACG, all pairs"), ("two_stage", "CCA on kernel means, then RACG")):
        row = {"search": title, "seeds": len(found), "s": f"{found[f'{stage}_s'].mean():.0f}"}
        row["pairs compared"] = "100 %" if stage == "one_stage" else f"{100 * found['share'].mean():.2f} %"
        for key, name in DIRECTIONS:
            kept = found[f"{stage}_{key}_r1"] / found[f"one_stage_{key}_r1"]
            row[f"{name} R@1"] = mean_and_spread(found[f"{stage}_{key}_r1"])
            row[f"{name} R@1 kept"] = f"{100 * kept.mean():.1f} % (worst seed {100 * kept.min():.1f} %)"
        rows.append(row)
    return markdown(rows)


def reranking(frame: pd.DataFrame) -> str:
    """Return the recalls of image-to-text retrieval before and after re-ranking."""
    rows = []
    for name in dict.fromkeys(frame["name"]):
        found = runs(frame, name)
        if name in PARTS:
            continue
        row: dict[str, object] = {"method": name}
        for k in (1, 10):
            before = found[f"i2t_r{k}"]
            after = found[f"reranked_i2t_r{k}"]
            row[f"R@{k}"], row[f"R@{k} re-ranked"] = mean_and_spread(before), mean_and_spread(after)
            row[f"change of R@{k}"] = f"{mean_and_spread(after - before, '+')} ({(after - before).min():+.3f})"
        rows.append(row | {"seeds": len(found)})
    return markdown(rows)
