"""ImageFeatures: what a network makes of images, as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import field
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from joblib import Parallel
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from torch import nn
from tqdm.auto import tqdm

from skxmr._data.estimator import ClassNamePrefixFeaturesOutMixin, Constraints, Estimator, TransformerMixin
from skxmr._data.kinds import AnyArray, View
from skxmr.features.cache import open_cache
from skxmr.features.named import image_network
from skxmr.features.networks import ImageNetwork
from skxmr.features.once import vectors_of


class ImageFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Image features by a network; by default those of the papers, VGG19 fc7 after the ReLU.

    Used as ``PerModality(image=ImageFeatures(cache="features"))``. It learns nothing, so `transform` needs no `fit`.
    With `cache` every image is computed once: later calls, clones in a search and other processes read its vector.

    Every image becomes an upright 8-bit RGB image before the network sees it. Grey, 1-bit and palette images keep their
    colours. Transparent images (RGBA, LA, palette, PNG keys) get a white background. CMYK and YCbCr are converted by
    PIL, without colour profiles. In 16-bit grey 65535 is white. Floats are rounded to 8 bits. EXIF rotation is applied,
    and an animation is represented by its first frame. If an image is longer than 16 times its short side, its ends are
    cut first. Then networks of torchvision get images that are resized, cropped and normalised as torchvision does for
    them, and others what `prepare` returns.

    Files are looked at before the network runs: one that is missing, empty, a folder, no image or too large is an error
    that names its row. EPS files are not opened, because PIL would start another program for them.

    Parameters
    ----------
    model : str, Module or callable, default="vgg19"
        A classification network of torchvision, such as ``"vgg16"``, ``"resnet50"`` or ``"vit_b_16"``;
        ``"efficientnet_lite0"``, which comes with the extra `demo`, for images padded to a square; any module of torch,
        of which every clone makes a copy; or a function from a batch to vectors (n, d). A function gets the list of RGB
        images of PIL, or where `prepare` is given one tensor of what it returned, on the CPU unless `device` says
        otherwise.
    layer : str, default="auto"
        ``"auto"`` is fc7 of AlexNet and VGG, what the last linear layer sees in other named networks, and the output of
        a module. ``"fc6"`` and ``"fc7"`` are the hidden layers of AlexNet and VGG after their ReLU, ``"penultimate"``
        is the input of the last linear layer of any network; or the name of a module in it, such as ``"avgpool"``, for
        its output. Feature maps are flattened.
    weights : str, path, Module or None, default="imagenet"
        Only for networks of torchvision. ``"imagenet"`` is torchvision's default, downloaded once into
        ``torch.hub.get_dir()``. Otherwise the name of published weights (``"IMAGENET1K_V1"``), the path of a state dict
        for the model, or None for random weights. A module is used as it is; `model` then only says how images are
        prepared, and every clone copies the module.
    prepare : callable or None, default=None
        Turns an RGB image of PIL into a tensor, such as :class:`PadToSquare`. A module needs one; for named networks it
        replaces theirs.
    cache : str, path or None, default=None
        A folder in which vectors are kept, made where it is missing. They are found again by the bytes of the image
        file, or the pixels of an array or PIL image, and by the network: the name of published weights, or the classes,
        settings and numbers of a module and of `prepare`. Their code is not looked at.
    cache_key : str or None, default=None
        A name for the network and `prepare`, by which they are known in the cache in place of their content; choose
        another one when either changes. A function needs one.
    max_pixels : int or None, default=100_000_000
        Files and PIL images with more pixels are refused before they are decoded; None decodes any number.
    batch_size : int, default=32
        Number of images that pass through the network together, and that are kept together.
    device : str, default="auto"
        ``"auto"`` is CUDA if it is available, else the CPU.
    n_jobs : int or None, default=None
        Number of threads that read images, as in joblib; useful with a GPU.
    random_state : int or None, default=None
        Seed of random weights; required with ``weights=None``, otherwise without effect.
    verbose : int, default=0
        1 shows a progress bar.
    factory : str or None, default=None
        Only for :func:`skxmr.save`, which cannot write the code of a module that is not torch's or skxmr's own: the
        function that makes the module again, as ``"package.module:function"``. Its weights are saved.
    factory_params : dict or None, default=None
        The arguments of the factory, by name.

    Raises
    ------
    ImportError
        If torchvision is wanted and missing, or does not match torch, or if pillow or the packages of
        ``"efficientnet_lite0"`` are missing.
    FileNotFoundError
        If an image or the file of weights does not exist.
    OSError
        If the weights cannot be downloaded, or the cache is no folder to write in.
    TypeError
        If X, or one of its rows, is not an image.
    ValueError
        If there are no rows, an image cannot be read or is too large (the error names its row, file and size), the
        model or layer does not exist, the weights do not fit the model, or the cache cannot tell the network's content.

    Warns
    -----
    UserWarning
        If there is no room for the cache. The features are computed all the same.

    Notes
    -----
    The cache is one file of SQLite per network. A batch is kept as a whole or not at all, so that nothing is half
    written after an interruption, and processes that run at the same time may share it; on a network drive only where
    that has file locks. Features computed on another device or with other batches differ by rounding and are taken as
    they are.

    The last network of torchvision stays in memory for the next transformer with the same model, weights and device,
    such as a clone in a search; it is not pickled. Single-precision convolutions on CUDA use TF32 unless torch is told
    otherwise.

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

    model: str | nn.Module | Callable[..., Any] = field(default="vgg19", kw_only=False)
    layer: str = field(default="auto", kw_only=False)
    weights: str | os.PathLike[str] | nn.Module | None = "imagenet"
    prepare: Callable[..., Any] | None = None
    cache: str | os.PathLike[str] | None = None
    cache_key: str | None = None
    max_pixels: int | None = 100_000_000
    batch_size: int = 32
    device: str = "auto"
    n_jobs: int | None = None
    random_state: int | None = None
    verbose: int = 0
    factory: str | None = None
    factory_params: dict[str, Any] | None = None
    _made_by_factory: ClassVar[tuple[str, ...]] = ("model", "weights")
    _parameter_constraints: ClassVar[Constraints] = {
        "model": [str, nn.Module, callable],
        "layer": [str],
        "weights": [str, os.PathLike, nn.Module, None],
        "prepare": [callable, None],
        "cache": [str, os.PathLike, None],
        "cache_key": [str, None],
        "max_pixels": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both"), None],
        "verbose": ["verbose"],
        "factory": [str, None],
        "factory_params": [dict, None],
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
        _, network = self._checked(X)
        network.check_layer()
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
        rows, network = self._checked(X)
        with ExitStack() as opened:
            cache = open_cache(self.cache, self.cache_key, network.content, self.layer)
            if cache is not None:
                opened.enter_context(cache)
            threads = opened.enter_context(Parallel(self.n_jobs, prefer="threads"))
            opened.enter_context(torch.inference_mode())
            from skxmr.features.extraction import Extraction

            extraction = Extraction(rows, network, network.device(self.device), threads, self.max_pixels)
            keys = extraction.keys(bool(self.verbose), by_content=cache is not None)
            bar = opened.enter_context(tqdm(total=len(rows), unit="image", disable=not self.verbose))
            return vectors_of(keys, extraction.compute, self.batch_size, cache, bar)

    def _validate_params(self) -> None:
        """Check the parameters, and whether they go together."""
        super()._validate_params()
        self._network().check()

    def _checked(self, X: View) -> tuple[AnyArray, ImageNetwork]:
        """Check the parameters; return the rows of X and the network, without opening or loading any."""
        # A missing torchvision is reported before pillow is needed, which comes with it.
        self._validate_params()
        network = self._network()
        network.device(self.device)
        try:
            from skxmr.features.images import image_rows
        except ModuleNotFoundError as error:
            raise ImportError(f"images need pillow ({error}): pip install 'skxmr[vision]'.") from error
        return image_rows(X), network

    def _network(self) -> ImageNetwork:
        return image_network(self.model, self.layer, self.weights, self.random_state, self.prepare)

    @property
    def _n_features_out(self) -> int:
        """The number of features; scikit-learn names the features by it."""
        return self._network().width()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
