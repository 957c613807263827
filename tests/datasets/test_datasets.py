import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skxmr import MLCCA, datasets
from skxmr.metrics import SharedLabels


def test_captioned_digits():
    everything = datasets.load_captioned_digits("all")
    assert everything.pairs.image.shape == (1797, 64) and everything.images.shape == (1797, 8, 8)
    assert everything.labels.shape == (1797, len(everything.label_names))
    assert_array_equal(everything.labels[:, :10].argmax(axis=1), everything.digits)
    names = everything.label_names.tolist()
    seven = everything.labels[everything.digits == 7]
    on = {name for name, column in zip(names, seven.T, strict=True) if column.all()}
    assert on == {"seven", "prime", "straight"}
    bold, thin = (everything.labels[:, names.index(name)] == 1 for name in ("bold", "thin"))
    assert not (bold & thin).any() and 0.15 < bold.mean() < 0.25
    ink = everything.images.mean(axis=(1, 2))
    for d in range(10):
        assert ink[bold & (everything.digits == d)].min() > ink[thin & (everything.digits == d)].max()


def test_captioned_digits_split_and_repeat():
    train, test = (datasets.load_captioned_digits(subset) for subset in ("train", "test"))
    assert (len(train.pairs), len(test.pairs)) == (1347, 450)
    again, labels = datasets.load_captioned_digits("train", return_X_y=True)
    assert_array_equal(again.text, train.pairs.text)
    assert_array_equal(labels, train.labels)
    other, _ = datasets.load_captioned_digits("train", random_state=1, return_X_y=True)
    assert (other.text != train.pairs.text).mean() > 0.5


def test_captions_say_only_what_is_true():
    digits = datasets.load_captioned_digits("all")
    names = digits.label_names.tolist()
    for word, label in (("not odd", "even"), ("prime", "prime"), ("bold", "bold"), ("round", "loop")):
        said = np.array([word in caption for caption in digits.pairs.text])
        assert said.any() and digits.labels[said, names.index(label)].all()
    for j, name in enumerate(names[:10]):
        said = np.array([name in caption.replace(",", " ").split() for caption in digits.pairs.text])
        assert 0 < said.sum() < (digits.digits == j).sum() and (digits.digits[said] == j).all()


def test_generated_pairs_share_their_labels():
    pairs, labels = datasets.make_multilabel_pairs(300, noise=0.5, random_state=0)
    assert (labels.sum(axis=1) >= 1).all() and labels.sum(axis=1).max() > 1
    fitted = MLCCA().fit(pairs[:200], labels[:200])
    chance = SharedLabels(labels[200:])[:].mean()
    assert fitted.score(pairs[200:], labels[200:]) > chance + 0.2


def test_generated_pairs_repeat_and_can_be_sparse():
    dense, _ = datasets.make_multilabel_pairs(random_state=3)
    sparse, _ = datasets.make_multilabel_pairs(random_state=3, sparse_text=True)
    assert sp.issparse(sparse.text)
    assert_array_equal(sparse.text.toarray(), dense.text)
    assert_array_equal(sparse.image, dense.image)


@pytest.mark.parametrize("options", [{"n_samples": 0}, {"n_labels": 0}, {"n_text_features": 2.5}, {"noise": -1}])
def test_bad_sizes_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        datasets.make_multilabel_pairs(**options)


LOADERS = {
    "wikipedia": datasets.load_wikipedia,
    "corel5k_tags": datasets.load_corel5k_tags,
    "mirflickr_tags": datasets.load_mirflickr_tags,
}


@pytest.mark.parametrize("name", LOADERS)
def test_missing_files_say_where_to_get_them(name, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=rf"{name}.* does not exist; .* SKXMR_DATA .* Where to get it: .+"):
        LOADERS[name](data_home=tmp_path)
    monkeypatch.setenv("SKXMR_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        LOADERS[name]()
    monkeypatch.delenv("SKXMR_DATA")
    with pytest.raises(FileNotFoundError, match="pass data_home= or set SKXMR_DATA"):
        LOADERS[name]()
    with pytest.raises(ValueError, match="subset must be one of"):
        LOADERS[name]("validation")


def test_a_folder_in_the_wikipedia_layout(tmp_path):
    folder = tmp_path / "wikipedia"
    folder.mkdir()
    rng = np.random.default_rng(0)
    matrices = {}
    for suffix, part, n in (("tr", "train", 5), ("te", "test", 3)):
        matrices |= {f"I_{suffix}": rng.uniform(size=(n, 4)), f"T_{suffix}": rng.uniform(size=(n, 2))}
        matrices[f"T_tfidf_{suffix}"] = rng.uniform(size=(n, 6))
        lines = "".join(f"text{i}\timage{i}\t{1 + i % 2}\n" for i in range(n))
        (folder / f"{part}set_txt_img_cat.list").write_text(lines)
    scipy.io.savemat(folder / "raw_features_with_tfidf.mat", matrices)
    (folder / "categories.list").write_text("art\nmusic\n")
    train = datasets.load_wikipedia(data_home=tmp_path)
    assert_array_equal(train.pairs.image, matrices["I_tr"])
    assert train.labels.tolist() == ["art", "music", "art", "music", "art"]
    everything, labels = datasets.load_wikipedia("all", text="tfidf", data_home=str(tmp_path), return_X_y=True)
    assert len(everything) == len(labels) == 8 and sp.issparse(everything.text)
    with pytest.raises(ValueError, match="text must be one of"):
        datasets.load_wikipedia(text="bow", data_home=tmp_path)


@pytest.mark.parametrize("name", ["corel5k_tags", "mirflickr_tags"])
def test_a_folder_in_the_tag_layout(name, tmp_path):
    (tmp_path / name).mkdir()
    c = {"corel5k_tags": 50, "mirflickr_tags": 24}[name]
    file = {"corel5k_tags": "corel5k_tags.npz", "mirflickr_tags": "mirflickr_tagsplit.npz"}[name]
    arrays = {}
    for part, n in (("train", 6), ("test", 4)):
        arrays |= {f"img_{part}": np.ones((n, 5), np.float32), f"txt_{part}": np.eye(n, 30, dtype=np.float32)}
        arrays[f"lab_{part}"] = np.eye(n, c, dtype=np.float32)
    np.savez(tmp_path / name / file, **arrays)
    test = LOADERS[name]("test", data_home=tmp_path)
    assert test.pairs.image.dtype == np.float32 and sp.issparse(test.pairs.text)
    assert test.labels.shape == (4, c) == (4, len(test.label_names))
    assert len(LOADERS[name]("all", data_home=tmp_path).pairs) == 10


@pytest.mark.parametrize(
    ("name", "sizes", "image", "text", "n_labels"),
    [
        ("wikipedia", (2173, 693), 128, 10, 10),
        ("corel5k_tags", (3056, 372), 1100, 210, 50),
        ("mirflickr_tags", (11801, 2000), 693, 693, 24),
    ],
)
def test_the_real_sets(data_home, name, sizes, image, text, n_labels):
    for subset, n in zip(("train", "test"), sizes, strict=True):
        bunch = LOADERS[name](subset, data_home=data_home)
        assert bunch.pairs.image.shape == (n, image) and bunch.pairs.text.shape == (n, text)
        assert len(bunch.labels) == n and len(bunch.label_names) == n_labels
