"""Check the wheel as a user gets it, without extras; run by ``make wheel`` in an environment that holds nothing else.

This is no test of pytest, which the environment does not hold.
"""

import importlib
import importlib.util
import inspect
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import skxmr

CHECKOUT = Path(__file__).parents[1]


def public_modules(module=skxmr):
    """Yield a module and the public modules in it."""
    yield module
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.ismodule(thing) and hasattr(thing, "__all__"):
            yield from public_modules(thing)


def check_the_place():
    """The package must be the installed one, with its stub and its marker for type checkers."""
    home = Path(skxmr.__file__).parent
    assert CHECKOUT / "skxmr" != home, f"{home} is the checkout"
    assert (home / "__init__.pyi").exists() and (home / "py.typed").exists()
    assert {file.name for file in (home / "app" / "static").iterdir()} == {"page.html", "page.js", "page.css"}
    assert not importlib.util.find_spec("tests"), "the wheel holds the tests"


def check_the_names():
    """Every public name resolves."""
    count = 0
    for module in public_modules():
        for name in module.__all__:
            assert getattr(module, name) is not None, f"{module.__name__}.{name}"
            count += 1
    print(f"{count} public names resolve")


def read_parquet():
    """Read a file that begins as Parquet does; what is missing is noticed before its content."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.parquet"
        file.write_bytes(b"PAR1\x15")
        skxmr.datasets.load_table(file)


def serve():
    """Call what ``skxmr serve`` does; what is missing is noticed before the index is opened."""
    command = importlib.import_module("skxmr.cli.serve").serve
    command.callback(Path("index"), "127.0.0.1", 0, None, None, 30.0, 10, ())


def check_the_extras():
    """What needs a package of an extra says which, as a line for pip."""
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    needs = {
        "vision": lambda: skxmr.features.ImageFeatures(weights=None).fit_transform([image, image]),
        "text": lambda: skxmr.parse_sentences(["a dog"]),
        "demo": skxmr.datasets.load_icons,
        "arrow": read_parquet,
        "distributed": lambda: importlib.import_module("skxmr.deep.distributed").accelerated(
            object, torch.device("cpu")
        ),
        "serve": serve,
    }
    for extra, call in needs.items():
        try:
            call()
        except ImportError as error:
            assert "pip install" in str(error) and f"skxmr[{extra}]" in str(error), error
            print(f"without {extra}: {error}")
        else:
            raise AssertionError(f"nothing was missed without the extra {extra}")


def check_the_methods():
    """Methods fit and score."""
    pairs, labels = skxmr.datasets.make_multilabel_pairs(60, random_state=0)
    for model in (skxmr.CCA(4), skxmr.DAGNN(4, hidden=8, width=8, max_epochs=1, random_state=0)):
        print(f"{model!r} scores {model.fit(pairs, labels).score(pairs, labels):.3f}")


def check_the_command():
    """The command is installed and starts."""
    done = subprocess.run([Path(sys.executable).parent / "skxmr", "info"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"skxmr {skxmr.__version__}"), done.stdout
    print(done.stdout.splitlines()[0])


if __name__ == "__main__":
    check_the_place()
    check_the_names()
    check_the_extras()
    check_the_methods()
    check_the_command()
    sys.exit(0)
