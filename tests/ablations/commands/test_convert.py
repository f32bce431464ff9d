import pytest
import torch

from ablations.commands.convert import convert
from m2f.checkpoints import from_ours, read_checkpoint
from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.conversion import TARGETS
from m2f.checkpoints.reading import SOURCES
from m2f.checkpoints.translation import with_computed_buffers


def checkpoint(path):
    """One of mmdet's, with few layers."""
    shapes = Architecture(BACKBONES[0], classes=4, queries=3, encoder_layers=1, decoder_layers=1).shapes()
    state = {name: torch.full(shape, 2.0) for name, shape in shapes.items() if not name.endswith("tracked")}
    torch.save({"state_dict": from_ours(with_computed_buffers(state), "mmdet")}, path)
    return str(path)


@pytest.fixture
def run(call):
    return lambda *arguments: call("convert", *arguments)


def test_says_what_it_found_and_wrote(run, tmp_path):
    source = checkpoint(tmp_path / "theirs.pth")
    result = run(source, tmp_path / "ours.pth")
    assert result.exit_code == 0, result.output
    assert result.output == (
        f"{source} is of mmdet: Mask2Former with R50, 4 classes and 3 queries, 394 tensors.\n"
        f"Written for m2f: {tmp_path / 'ours.pth'}\n"
    )
    state, _ = read_checkpoint(tmp_path / "ours.pth")
    assert state["transformer_decoder.classifier.bias"].tolist() == [2.0] * 5
    result = run(tmp_path / "ours.pth", tmp_path / "directory", "--from", "m2f", "--to", "transformers")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "directory").iterdir()) == ["config.json", "model.safetensors"]


def test_bad_input_is_one_sentence_and_exit_code_2(run, tmp_path):
    result = run(tmp_path / "nothing.pth", tmp_path / "new.pth")
    assert result.exit_code == 2
    assert "nothing.pth does not exist" in result.output
    assert "Traceback" not in result.output


def test_formats_are_those_of_the_library():
    choices = {
        parameter.name: parameter.type.choices for parameter in convert.params if hasattr(parameter.type, "choices")
    }
    assert list(choices["source_format"]) == ["auto", *SOURCES]
    assert list(choices["target_format"]) == list(TARGETS)
