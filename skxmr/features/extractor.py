"""Image features: a layer of a torchvision network as a scikit-learn transformer."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import field
from numbers import Integral
from typing import ClassVar, Self

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.utils import Tags, gen_batches
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from tqdm.auto import tqdm

from skxmr._data.estimator import ClassNamePrefixFeaturesOutMixin, Constraints, Estimator, TransformerMixin
from skxmr._data.kinds import AnyArray, View
from skxmr.features.pretrained import cut, entry_of, find_weights, load, published, side_of, skeleton
from skxmr.nn.device import initialising, resolve_device


class ImageFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Image features from a torchvision network; by default those of the papers, VGG19 fc7 after the ReLU.

    Used as ``PerModality(image=ImageFeatures())``. It learns nothing, so `transform` needs no `fit`. Images are
    resized, cropped and normalised as torchvision does for the model. Before that every image becomes 8-bit RGB. Grey,
    1-bit and palette images keep their colours. Transparent images (RGBA, LA, palette, PNG keys) get a white
    background. CMYK and YCbCr are converted by PIL, without colour profiles. In 16-bit grey 65535 is white. Floats are
    rounded to 8 bits. EXIF rotation is applied, and an animation is represented by its first frame. If an image is
    longer than 16 times its short side, its ends are cut first; the crop drops them anyway.

    Parameters
    ----------
    model : str, default="vgg19"
        A classification network of torchvision, such as ``"vgg16"``, ``"resnet50"`` or ``"vit_b_16"``.
    layer : str, default="fc7"
        ``"fc6"`` or ``"fc7"``, the hidden layers of AlexNet and VGG after their ReLU; ``"penultimate"``, the input of
        the last linear layer of any model; or the name of a module, such as ``"avgpool"`` or ``"layer4"``, for its
        output. Feature maps are flattened.
    weights : str, path, Module or None, default="imagenet"
        ``"imagenet"`` is torchvision's default, downloaded once into ``torch.hub.get_dir()``. Otherwise the name of
        published weights (``"IMAGENET1K_V1"``), the path of a state dict for the model, or None for random weights. A
        module is used as it is; `model` then only says how images are prepared, and every clone copies the module.
    batch_size : int, default=32
        Number of images that pass through the network together.
    device : str, default="auto"
        ``"auto"`` is CUDA if it is available, else the CPU.
    n_jobs : int or None, default=None
        Number of threads that read images, as in joblib; useful with a GPU.
    random_state : int or None, default=None
        Seed of random weights; required with ``weights=None``, otherwise without effect.
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
        If X, or one of its rows, is not an image.
    ValueError
        If there are no rows, an image cannot be read (the error names its row and file), the model or layer does not
        exist, or the weights do not fit the model.

    Notes
    -----
    The last network stays in memory for the next transformer with the same model, weights and device, such as a clone
    in a search; it is not pickled. Compute features of large data sets once, or cache them by
    ``Pipeline(..., memory=...)``. Single-precision convolutions on CUDA use TF32 unless torch is told otherwise.

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

    model: str = field(default="vgg19", kw_only=False)
    layer: str = field(default="fc7", kw_only=False)
    weights: str | os.PathLike[str] | nn.Module | None = "imagenet"
    batch_size: int = 32
    device: str = "auto"
    n_jobs: int | None = None
    random_state: int | None = None
    verbose: int = 0
    _parameter_constraints: ClassVar[Constraints] = {
        "model": [str],
        "layer": [str],
        "weights": [str, os.PathLike, nn.Module, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both"), None],
        "verbose": ["verbose"],
    }

    def fit(self, X: View, y: object = None) -> Self:
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
        # Computing the width raises the error for a layer that does not exist.
        _ = self._n_features_out
        return self

    def transform(self, X: View) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array of shape (n, height, width) or (n, height, width, 3), or list of length n
            Images as one array, or a list, object array or Series that may mix arrays, PIL images and paths. Arrays
            are uint8, uint16, bool or floats between 0 and 1. Images may differ in size; 4 channels are RGBA.

        Returns
        -------
        ndarray of shape (n, d), float32
        """
        rows = self._check(X)
        device = resolve_device(self.device)
        extract = cut(self._network(device), self.layer)
        out = np.empty((0, 0), np.float32)
        done = 0
        with torch.inference_mode(), tqdm(total=len(rows), unit="image", disable=not self.verbose) as bar:
            for batch in self._batches(rows):
                features = extract(batch.to(device)).float()
                if not features.isfinite().all():
                    raise ValueError(f"layer {self.layer!r} is not finite: the weights hold NaN, or they overflow.")
                # The first batch tells the width.
                if done == 0:
                    out = np.empty((len(rows), features.shape[1]), np.float32)
                out[done : done + len(batch)] = features.cpu().numpy()
                done += len(batch)
                bar.update(len(batch))
        return out

    def _check(self, X: View) -> AnyArray:
        """Check the parameters and return the rows of X; no image is opened."""
        self._validate_params()
        # A missing torchvision is reported before pillow is needed, which comes with it.
        published(self.model)
        if not isinstance(self.weights, nn.Module):
            find_weights(self.model, self.weights, self.random_state)
        resolve_device(self.device)
        from skxmr.features.images import image_rows

        return image_rows(X)

    def _network(self, device: torch.device) -> nn.Module:
        # A copy, so that the user's module keeps its mode and its device.
        if isinstance(self.weights, nn.Module):
            return copy.deepcopy(self.weights).eval().to(device)
        source = find_weights(self.model, self.weights, self.random_state)
        # One thread at a time: the first loads the network, the others find it loaded.
        with initialising(self.random_state or 0):
            return load(self.model, source, device)

    def _batches(self, rows: AnyArray) -> Iterator[Tensor]:
        from skxmr.features.images import read_image

        prepare = entry_of(self.model, self.weights).transforms()

        def read(i: int) -> Tensor:
            prepared: Tensor = prepare(read_image(rows[i], i))
            return prepared

        with Parallel(self.n_jobs, prefer="threads") as threads:
            for batch in gen_batches(len(rows), self.batch_size):
                yield torch.stack(threads(delayed(read)(i) for i in range(batch.start, batch.stop)))

    @property
    def _n_features_out(self) -> int:
        """The number of features, found by passing shapes only; scikit-learn names the features by it."""
        entry = entry_of(self.model, self.weights)
        if isinstance(self.weights, nn.Module):
            network = copy.deepcopy(self.weights).to("meta")
        else:
            network = skeleton(self.model, entry)
        images = torch.empty(1, 3, side_of(entry), side_of(entry), device="meta")
        with torch.inference_mode():
            return cut(network, self.layer)(images).shape[1]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
