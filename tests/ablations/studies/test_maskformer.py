"""MaskFormer's rows beside its authors' configs.

``maskformer_configs.csv`` has a line for each public YAML file under MaskFormer's ``configs/`` (commit da3e60d) whose
model is a row of Table I or V: the values that hold after its bases and ``mask_former/config.py``, and for what neither
sets detectron2's defaults. A list is numbers with spaces between.
"""

import csv
from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import STUDIES
from m2f.models.inference import PanopticThresholds
from m2f.models.without_data import EmptyOnMeta
from m2f.registry import MODELS, PARAM_SCHEDULERS

with Path(__file__).with_name("maskformer_configs.csv").open(newline="") as file:
    YAML = list(csv.DictReader(file))
OFFICIAL = pytest.mark.parametrize("yaml", YAML, ids=[line["file"] for line in YAML])
PIXEL_DECODERS = {
    ("BasePixelDecoder", "res5"): "MaskFormerFPN",
    ("TransformerEncoderPixelDecoder", "transformer_encoder"): "MaskFormerEncoderFPN",
}
TASKS = {"I": "panoptic", "V": "semantic", "1": "panoptic", "2": "instance", "figIII": "panoptic"}


def trainings(table, scale="paper", task=None):
    """The configs of a table's trainings by row, whose data are not looked at."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("m2f.data.fingerprint.fingerprint", lambda config: "not looked at")
    cells = make_plan([STUDIES[table]], chosen_scale(scale), [task or TASKS[table]], [0], {}, Path("nowhere")).cells
    monkeypatch.undo()
    return {cell.variant: cell.training for cell in cells}


@pytest.fixture(scope="module")
def rows():
    return {table: trainings(table) for table in ("I", "V")}


@pytest.fixture
def config(yaml, rows):
    return rows[yaml["table"]][f"MaskFormer, {yaml['backbone']}"].config


def numbers(text):
    return [float(number) for number in text.split()]


def steps(pipeline, name):
    """Every step of that name, wherever it stands."""
    found = []
    for step in pipeline:
        if step["type"].endswith(name):
            found.append(step)
        for branch in step.get("transforms", ()):
            found += steps(branch, name)
    return found


@OFFICIAL
def test_model(yaml, config):
    model = config["model"]
    decoder, pixel_decoder, backbone = model["transformer_decoder"], model["pixel_decoder"], model["backbone"]
    assert pixel_decoder["type"] == PIXEL_DECODERS[yaml["PIXEL_DECODER_NAME"], yaml["TRANSFORMER_IN_FEATURE"]]
    with EmptyOnMeta():
        built = MODELS.build({**decoder, "num_classes": 3})
        built_decoder = MODELS.build(pixel_decoder)
    assert len(built.layers) == int(yaml["DEC_LAYERS"])
    assert {layer.cross_attention_first for layer in built.layers} == {False}
    assert decoder["queries"] == {"type": "ZeroQueries", "num_queries": int(yaml["NUM_OBJECT_QUERIES"])}
    assert decoder["cross_attention"] == {"type": "CrossAttention"}
    assert decoder["reads"] == [[32]]
    assert built.norm.normalized_shape == (int(yaml["HIDDEN_DIM"]),)
    transformers = [built]
    assert built_decoder.mask_features.out_channels == int(yaml["MASK_DIM"])
    assert built_decoder.outputs[0].conv.out_channels == int(yaml["CONVS_DIM"])
    if pixel_decoder["type"] == "MaskFormerEncoderFPN":
        assert len(built_decoder.layers) == int(yaml["TRANSFORMER_ENC_LAYERS"])
        transformers.append(built_decoder)
    for transformer in transformers:
        for module in transformer.modules():
            if isinstance(module, torch.nn.Dropout):
                assert module.p == float(yaml["DROPOUT"])
            if hasattr(module, "num_heads"):
                assert (module.num_heads, module.dropout) == (int(yaml["NHEADS"]), float(yaml["DROPOUT"]))
            if hasattr(module, "hidden_dims"):
                assert module.hidden_dims == int(yaml["DIM_FEEDFORWARD"])
    if yaml["EMBED_DIM"]:
        assert (backbone["type"], backbone["embed_dims"]) == ("mmdet.SwinTransformer", int(yaml["EMBED_DIM"]))
        assert (backbone["depths"], backbone["num_heads"]) == (numbers(yaml["DEPTHS"]), numbers(yaml["NUM_HEADS"]))
        assert backbone["window_size"] == int(yaml["WINDOW_SIZE"])
        assert backbone["drop_path_rate"] == float(yaml["DROP_PATH_RATE"])
    else:
        assert (backbone["type"], yaml["backbone"]) == ("mmdet.ResNet", f"R{backbone['depth']}")
        assert yaml["NORM"] == "FrozenBN"
        assert (backbone["norm_cfg"], backbone["norm_eval"]) == ({"type": "BN", "requires_grad": False}, True)
    divisor = max(int(yaml["SIZE_DIVISIBILITY"]), 1)
    assert model["data_preprocessor"]["pad_size_divisor"] == divisor


@OFFICIAL
def test_loss_and_segmentation(yaml, config):
    model = config["model"]
    criterion = MODELS.build({**model["criterion"], "num_classes": 3})
    assert (model["criterion"]["match_on"], model["criterion"]["train_on"]) == ("masks", "masks")
    assert (model["criterion"]["focal"], model["criterion"]["class_weight"]) == (True, 1.0)
    assert model["criterion"]["entropy_weight"] == float(yaml["MASK_WEIGHT"])
    assert model["criterion"]["dice_weight"] == float(yaml["DICE_WEIGHT"])
    assert criterion.class_balance[-1].item() == pytest.approx(float(yaml["NO_OBJECT_WEIGHT"]))
    thresholds = PanopticThresholds(**model["panoptic"])
    assert thresholds.foreground == 0  # mask_former_model.py:285-286
    if model["task"] == "panoptic":
        assert thresholds.overlap == float(yaml["OVERLAP_THRESHOLD"])
        assert thresholds.score == float(yaml["OBJECT_MASK_THRESHOLD"])


def test_panoptic_model_of_ade20k():
    """As its maskformer_panoptic_R50_bs16_720k.yaml and the bases of that say."""
    config = trainings("VIII", task="panoptic")["MaskFormer, R50"].config
    assert config["model"]["pixel_decoder"]["type"] == "MaskFormerEncoderFPN"
    thresholds = PanopticThresholds(**config["model"]["panoptic"])
    assert (thresholds.score, thresholds.overlap, thresholds.foreground) == (0.7, 0.8, 0)
    assert config["train_cfg"]["max_iters"] == config["param_scheduler"][-1]["end"] == 720000
    assert config["train_dataloader"]["batch_size"] == 16
    crops = steps(config["train_dataloader"]["dataset"]["dataset"]["pipeline"], "RandomCrop")
    assert [crop["crop_size"] for crop in crops] == [(640, 640)]


@OFFICIAL
def test_optimizer_and_length(yaml, config):
    optimizer = config["optim_wrapper"]
    assert optimizer["optimizer"]["type"] == "AdamW"
    assert optimizer["optimizer"]["lr"] == float(yaml["BASE_LR"])
    assert optimizer["optimizer"]["weight_decay"] == float(yaml["WEIGHT_DECAY"])
    assert optimizer["paramwise_cfg"] == {"backbone_lr_mult": float(yaml["BACKBONE_MULTIPLIER"])}
    assert optimizer["clip_grad"] == {"max_norm": float(yaml["CLIP_VALUE"])}
    assert config["train_cfg"]["max_iters"] == int(yaml["MAX_ITER"])
    # Table XII(a): as many iterations of 16 images as MaskFormer's configs have of 64.
    assert config["train_dataloader"]["batch_size"] == 16
    assert yaml["IMS_PER_BATCH"] == ("64" if yaml["table"] == "I" else "16")


def official_rate(yaml, iteration):
    """detectron2's WarmupMultiStepLR and DeepLab's WarmupPolyLR, as shares of the first rate."""
    start, length = float(yaml["WARMUP_FACTOR"]), int(yaml["WARMUP_ITERS"])
    warmup = start + (1 - start) * iteration / length if iteration < length else 1.0
    if yaml["LR_SCHEDULER_NAME"] == "WarmupMultiStepLR":
        return warmup * 0.1 ** sum(iteration >= step for step in numbers(yaml["STEPS"]))
    return warmup * (1 - iteration / int(yaml["MAX_ITER"])) ** 0.9


@pytest.mark.parametrize("yaml", {(line["table"], line["WARMUP_ITERS"]): line for line in YAML}.values())
def test_learning_rate(yaml, config):
    """At every iteration up to the end of the warm-up, and on both sides of a drop."""
    init_default_scope("m2f")
    model = torch.nn.Linear(1, 1)
    wrapper = build_optim_wrapper(model, {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 1.0}})
    schedulers = [PARAM_SCHEDULERS.build({"optimizer": wrapper, **each}) for each in config["param_scheduler"]]
    drops = [step for each in config["param_scheduler"] for step in each.get("milestones", ())]
    assert drops == numbers(yaml["STEPS"])
    for iteration in range(1600):
        assert wrapper.get_lr()["lr"][0] == pytest.approx(official_rate(yaml, iteration), rel=1e-4)
        wrapper.step()
        for scheduler in schedulers:
            scheduler.step()


@OFFICIAL
def test_images(yaml, config):
    pipeline = config["train_dataloader"]["dataset"]["dataset"]["pipeline"]
    (validation,) = [step for step in config["val_dataloader"]["dataset"]["pipeline"] if "Resize" in step["type"]]
    sides, longest = numbers(yaml["MIN_SIZE_TRAIN"]), int(yaml["MAX_SIZE_TRAIN"])
    tested, longest_tested = int(yaml["MIN_SIZE_TEST"]), int(yaml["MAX_SIZE_TEST"])
    resizes = steps(pipeline, "RandomChoiceResize")
    (crop,) = steps(pipeline, "RandomCrop")
    assert list(crop["crop_size"]) == numbers(yaml["CROP_SIZE"])
    if yaml["table"] == "I":
        whole, before, after = (step["scales"] for step in resizes)
        assert whole == after == [(side, longest) for side in sides]
        assert [min(scale) for scale in before] == [400, 500, 600]  # detr_panoptic_dataset_mapper.py:64
        assert tuple(validation["scale"]) == (longest_tested, tested)
    else:
        (resize,) = resizes
        assert (resize["scales"], resize["max_size"]) == (sides, longest)
        assert (validation["scale"], validation["max_size"]) == (tested, longest_tested)


@pytest.mark.parametrize("table", ["1", "2"])
def test_tables_1_and_2_have_the_same_trainings_but_for_the_task(table, rows):
    own = {name: run for name, run in trainings(table).items() if name.startswith("MaskFormer")}
    for name, run in own.items():
        if table == "1":
            assert run.name == rows["I"][name].name
        else:
            assert run.config["optim_wrapper"] == rows["I"][name].config["optim_wrapper"]
            assert run.config["param_scheduler"] == rows["I"][name].config["param_scheduler"]


def test_one_printed_number_is_one_training(rows):
    """44.5 mIoU stands in Tables V and XII(c), 46.5 PQ in I and XII(c)."""
    for table, task in (("V", "semantic"), ("I", "panoptic")):
        own = trainings("XIIc", task=task)["MaskFormer training params"]
        assert own.name == rows[table]["MaskFormer, R50"].name


def test_figure_iii_trains_nothing_that_table_i_does_not(rows):
    figure = trainings("figIII")
    assert len({run.name for run in figure.values()}) == len(figure) == 8
    assert {run.name for run in figure.values()} <= {run.name for run in rows["I"].values()}


def test_norms_are_trained_where_the_references_configs_say(rows):
    """SyncBN in Mask2Former's maskformer2_R101_bs16_90k.yaml; commented out in both files of MaskFormer's R101."""
    trained = {name for name, run in rows["V"].items() if run.config["model"]["backbone"].get("norm_eval") is False}
    assert trained == {"Mask2Former, R101"}


@pytest.mark.parametrize("scale", ["paper", "mini", "smoke"])
def test_one_evaluation_is_the_last(scale):
    """No training is evaluated shortly before its end and once more at it."""
    for run in (*trainings("figIV", scale, "panoptic").values(), *trainings("XIIc", scale, "panoptic").values()):
        schedule = run.config["train_cfg"]
        last = schedule["max_iters"] - schedule["max_iters"] // schedule["val_interval"] * schedule["val_interval"]
        assert last == 0 or last >= schedule["val_interval"] // 2
