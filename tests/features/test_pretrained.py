"""Weights that torchvision downloads: what is not tensors only never reaches torchvision's own reader, a pickle."""

import pickle

import pytest
import torch

from skxmr.features import pretrained


class Entry:
    """Is what torchvision says of published weights, whose file is one of this machine."""

    url = "https://weights.example/resnet18-00000000.pth"

    def __init__(self, file):
        self.file = file

    def get_state_dict(self, *, check_hash, weights_only):
        assert check_hash
        return torch.load(self.file, weights_only=weights_only)


class Executed:
    def __reduce__(self):
        return print, ("executed",)


@pytest.fixture
def opened(monkeypatch):
    """Note what torchvision would open."""
    names = []

    class Models:
        @staticmethod
        def get_model(name, weights):
            names.append(name)
            return torch.load(weights.file, weights_only=False)

    monkeypatch.setattr(pretrained, "torchvision_models", lambda: Models)
    return names


def test_files_that_run_code_are_refused_before_they_are_opened(tmp_path, opened, capsys):
    file = tmp_path / "weights.pth"
    torch.save({"weight": Executed()}, file)
    with pytest.raises(OSError, match=r"the weights of resnet18 could not be loaded from https://weights.example/"):
        pretrained._downloaded("resnet18", Entry(file))
    file.write_bytes(pickle.dumps(Executed(), 2))
    with pytest.raises(OSError, match="could not be loaded"):
        pretrained._downloaded("resnet18", Entry(file))
    assert not opened and "executed" not in capsys.readouterr().out


def test_tensors_are_handed_on(tmp_path, opened):
    file = tmp_path / "weights.pth"
    torch.save({"weight": torch.ones(2)}, file)
    assert pretrained._downloaded("resnet18", Entry(file))["weight"].tolist() == [1, 1]
    assert opened == ["resnet18"]
