"""A picture on which regions stand out as far as they have attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr.inspection.drawing.axes import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of what has no attention, this share is veiled in white.
_VEIL = 0.75


def draw_regions(ax: Axes, attention: Float64Array, boxes: Float64Array, picture: Any) -> None:
    """Draw regions (r, 4) by their attention (r,) on a picture, or on white where there is none."""
    from matplotlib.patches import Rectangle

    height, width = (100, 100) if picture is None else picture.shape[:2]
    if picture is not None:
        ax.imshow(picture, interpolation="nearest")
    most = attention.max()
    strength = attention / most if most > 0 else np.zeros_like(attention)
    places = boxes * [width, height, width, height]
    veil = np.ones((height, width, 4))
    veil[..., 3] = _VEIL
    # Where regions overlap, the one with more attention decides.
    for i in np.argsort(strength):
        left, top, right, bottom = places[i].round().astype(int)
        veil[max(top, 0) : max(bottom, top + 1), max(left, 0) : max(right, left + 1), 3] = _VEIL * (1 - strength[i])
    ax.imshow(veil, interpolation="nearest")
    for i in np.argsort(strength):
        left, top, right, bottom = places[i]
        line = 0.5 + 3 * strength[i]
        frame = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, linewidth=line)
        frame.set_edgecolor(str(round(0.6 * (1 - strength[i]), 2)))
        ax.add_patch(frame)
    if most > 0:
        best = int(strength.argmax())
        box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        left, top = places[best][:2]
        # Above the picture stands its title.
        side = "top" if top < 0.1 * height else "bottom"
        ax.text(left, top, f"{most:.0%}", fontsize=SMALL, color="black", va=side, bbox=box)
    ax.set(xlim=(-1, width), ylim=(height, -1), aspect="equal", xticks=[], yticks=[])
