import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from skxmr.cli import names
from skxmr.cli.app import app

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 220)}
SHAPES = {"bird": (slice(8, 16), slice(4, 20)), "boat": (slice(2, 22), slice(10, 14)), "house": (slice(4, 20),) * 2}
TRUST = ["--trust", "tests.cli.pixels.Pixels"]
RUN = """
[data]
path = "pictures/table.csv"
split = "part"

[image]
name = "Pixels"

[text]
name = "TfidfVectorizer"
analyzer = "char_wb"
ngram_range = [2, 3]

[model]
name = "SemanticMatching"

[output]
path = "model"
notes = "Coloured shapes."
"""


def write_pictures(folder, n=36):
    """Write pictures of coloured shapes and their table; the last quarter is the test part."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["file_name,caption,tags,part"]
    for i in range(n):
        colour = list(COLOURS)[i % 3]
        shape = list(SHAPES)[i // 3 % 3]
        pixels = np.full((24, 24, 3), 255)
        pixels[SHAPES[shape]] = COLOURS[colour]
        noisy = np.clip(pixels + rng.integers(-15, 15, pixels.shape), 0, 255).astype(np.uint8)
        name = f"{colour}_{shape}_{i}.png"
        Image.fromarray(noisy).save(folder / name)
        lines.append(f"{name},a {colour} {shape},{colour};{shape},{'test' if i >= n * 3 // 4 else 'train'}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with pictures, a run, a model and an index, which tests only read."""
    folder = tmp_path_factory.mktemp("made")
    write_pictures(folder / "pictures")
    (folder / "run.toml").write_text(RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(names._SKLEARN, "Pixels", "tests.cli.pixels")
        patch.chdir(folder)
        for line in (
            ["fit", "--config", "run.toml"],
            ["index", "model", "pictures/table.csv", "--config", "run.toml", "--out", "index", *TRUST],
        ):
            done = CliRunner().invoke(app, line, catch_exceptions=False)
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def call(made, monkeypatch):
    """Call the command in the folder; errors are output, as in a shell."""
    monkeypatch.chdir(made)
    monkeypatch.setitem(names._SKLEARN, "Pixels", "tests.cli.pixels")

    def called(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return called
