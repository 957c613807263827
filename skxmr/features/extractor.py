"""Image features: a layer of a torchvision network as a scikit-learn transformer."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from tqdm.auto import tqdm

from skxmr.features.pretrained import cut, entry_of, find_weights, load, published, side_of, skeleton
from skxmr.nn.device import initialising, resolve_device


class ImageFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Image features from a torchvision network; by default those of the papers, VGG19 fc7 after the ReLU.

    Used as ``PerModality(image=ImageFeatures())``. It learns nothing, so `transform` needs no `fit`. Images are
    resized, cropped and normalised as torchvision does for the model. Before that every image becomes 8-bit RGB: grey,
    1-bit and palette images by their colours; transparency (RGBA, LA, palette, PNG keys) is laid on white; CMYK and
    YCbCr by PIL, without colour profiles; 16-bit grey by its full range, 65535 as white; floats are rounded to 8 bits.
    EXIF rotation is applied; an animation counts by its first frame. Of images longer than 16 times their short side
    the ends, which the crop drops anyway, are cut first.

    Parameters
    ----------
    model : str, default="vgg19"
        A classification network of torchvision, such as ``"vgg16"``, ``"resnet50"`` or ``"vit_b_16"``.
    layer : str, default="fc7"
        ``"fc6"`` or ``"fc7"``, the hidden layers of AlexNet and VGG after their ReLU; ``"penultimate"``, what enters
        the last linear layer of any model; or the output of a module, such as ``"avgpool"`` or ``"layer4"``. Feature
        maps are flattened.
    weights : str, path, Module or None, default="imagenet"
        ``"imagenet"`` is torchvision's default, downloaded once, with a bar, into ``torch.hub.get_dir()``; also one of
        its names (``"IMAGENET1K_V1"``), the path of a state dict for the model, or None for random weights. A module is
        used as it is; `model` then only says how images are prepared, and every clone copies it.
    batch_size : int, default=32
        Images that are in the network at a time.
    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU.
    n_jobs : int or None, default=None
        Threads that read images, as in joblib; worth it in front of a GPU.
    random_state : int or None, default=None
        Seed of random weights; needed with ``weights=None``, else without effect.
    verbose : int, default=0
        1 shows a progress bar.

    Raises
    ------
    ImportError
        If torchvision is missing or does not match torch.
    FileNotFoundError
        If an image or the file of weights does not exist.
    OSError
        If the weights cannot be downloaded.
    TypeError
        If X, or one of its rows, is no image.
    ValueError
        If there are no rows, an image cannot be read (its row and file are named), there is no such model or layer, or
        the weights do not fit the model.

    Notes
    -----
    The network stays in memory for the next transformer of the same model, weights and device, such as a clone in a
    search; only the last one is kept, and none is pickled. Features of large sets are better computed once, or cached
    by ``Pipeline(..., memory=...)``. Single-precision convolutions on CUDA use TF32 unless torch is told otherwise.

    References
    ----------
    Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr.features import ImageFeatures
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    >>> extractor = ImageFeatures("mobilenet_v3_small", "avgpool", weights=None, random_state=0)
    >>> extractor.fit_transform(images).shape
    (2, 576)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [str],
        "layer": [str],
        "weights": [str, os.PathLike, nn.Module, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both"), None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model: str = "vgg19",
        layer: str = "fc7",
        *,
        weights: Any = "imagenet",
        batch_size: int = 32,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.layer = layer
        self.weights = weights
        self.batch_size = batch_size
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> ImageFeatures:
        """Check the parameters and the kind of X; no image is opened and no weights are loaded.

        Parameters
        ----------
        X : array of shape (n, height, width) or (n, height, width, 3), or list of length n
            The images, as in `transform`.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
        """
        self._check(X)
        _ = self._n_features_out  # finds the layer
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array of shape (n, height, width) or (n, height, width, 3), or list of length n
            Images as one array, or a list, object array or Series of arrays, PIL images and paths, also mixed. Arrays
            are uint8, uint16, bool or floats between 0 and 1; rows may have their own size, and 4 channels are RGBA.

        Returns
        -------
        ndarray of shape (n, d), float32
        """
        rows, device = self._check(X), resolve_device(self.device)
        extract = cut(self._network(device), self.layer)
        out, start = np.empty((0, 0), np.float32), 0
        with torch.inference_mode(), tqdm(total=len(rows), unit="image", disable=not self.verbose) as bar:
            for batch in self._batches(rows):
                features = extract(batch.to(device)).float()
                if not features.isfinite().all():
                    raise ValueError(f"layer {self.layer!r} is not finite: the weights hold NaN, or they overflow.")
                if start == 0:
                    out = np.empty((len(rows), features.shape[1]), np.float32)
                out[start : start + len(batch)] = features.cpu().numpy()
                start += len(batch)
                bar.update(len(batch))
        return out

    def _check(self, X: Any) -> NDArray[Any]:
        self._validate_params()
        published(self.model)  # before pillow is needed, which comes with torchvision
        if not isinstance(self.weights, nn.Module):
            find_weights(self.model, self.weights, self.random_state)
        resolve_device(self.device)
        from skxmr.features.images import image_rows

        return image_rows(X)

    def _network(self, device: torch.device) -> nn.Module:
        if isinstance(self.weights, nn.Module):  # a copy: the user's keeps its mode and its device
            return copy.deepcopy(self.weights).eval().to(device)
        source = find_weights(self.model, self.weights, self.random_state)
        with initialising(self.random_state or 0):  # one thread loads, the others find it loaded
            return load(self.model, source, device)

    def _batches(self, rows: NDArray[Any]) -> Iterator[Tensor]:
        from skxmr.features.images import read_image

        prepare = entry_of(self.model, self.weights).transforms()

        def read(i: int) -> Tensor:
            prepared: Tensor = prepare(read_image(rows[i], i))
            return prepared

        with Parallel(self.n_jobs, prefer="threads") as threads:
            for batch in np.array_split(np.arange(len(rows)), range(self.batch_size, len(rows), self.batch_size)):
                yield torch.stack(threads(delayed(read)(int(i)) for i in batch))

    @property
    def _n_features_out(self) -> int:
        """The width, by a pass of shapes alone; scikit-learn names the features by it."""
        entry, module = entry_of(self.model, self.weights), isinstance(self.weights, nn.Module)
        network = copy.deepcopy(self.weights).to("meta") if module else skeleton(self.model, entry)
        images = torch.empty(1, 3, side_of(entry), side_of(entry), device="meta")
        with torch.inference_mode():
            return cut(network, self.layer)(images).shape[1]

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
