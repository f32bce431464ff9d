import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from m2f.errors import InputError
from m2f.models.matching import Matches
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs"
VARIANTS = ("CrossAttention", "SMCA", "MaskPooling", "MaskedAttention")
SIZES = ((64, 96), (50, 70))
PADDED = (64, 96)
LAYERS = 4  # so that 1/32 is read by the first and by the last


def build(kind, task="panoptic", **decoder):
    """A model with random weights that keeps every query in panoptic segmentation."""
    init_default_scope("m2f")
    config = Config.fromfile(CONFIGS / "smoke" / f"{task}.py").model
    config.update(type=kind, panoptic={"score": 0.0, "overlap": 0.0})
    config.transformer_decoder.update(num_layers=LAYERS, **decoder)
    torch.manual_seed(0)
    return MODELS.build(config).eval()


def batch(model, targets=(3, 2)):
    torch.manual_seed(0)
    samples = []
    for (height, width), count in zip(SIZES, targets, strict=True):
        shapes = {"img_shape": (height, width), "ori_shape": (2 * height, 2 * width)}
        sample = DetDataSample(metainfo={**shapes, "img_id": 1})
        masks = torch.rand(count, height, width) > 0.5
        sample.gt_instances = InstanceData(labels=torch.arange(count), masks=masks)
        samples.append(sample)
    images = [torch.randint(256, (3, *size), dtype=torch.uint8) for size in SIZES]
    return model.data_preprocessor({"inputs": images, "data_samples": samples})


@torch.no_grad()
def predict(model, data):
    return model(**copy.deepcopy(data), mode="predict")


class TestAttentionInspector:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_maps_sum_to_one(self, variant):
        model = build("AttentionInspector", cross_attention={"type": variant})
        for sample, targets in zip(predict(model, batch(model)), (3, 2), strict=True):
            assert sample.attended_masks.shape == (targets, *PADDED)
            shapes = {stride: weights.shape for stride, weights in sample.attention_maps.items()}
            assert shapes == {stride: (targets, 64 // stride, 96 // stride) for stride in (32, 16, 8)}
            for weights in sample.attention_maps.values():
                assert (weights >= 0).all()
                torch.testing.assert_close(weights.sum(dim=(1, 2)), torch.ones(targets))

    def test_of_layers_that_read_one_resolution_the_last_counts(self):
        """Weights by plain softmax over each head's products, from what the layers get."""
        model = build("AttentionInspector", cross_attention={"type": "CrossAttention"})
        data = batch(model)
        torch.manual_seed(1)
        samples = predict(model, data)
        calls = []
        for layer in model.transformer_decoder.layers:
            layer.register_forward_pre_hook(lambda module, given: calls.append((module.cross_attention, *given)))
        with torch.no_grad():
            output = model.decode(data["inputs"], all_layers=False)
            sizes = [sample.img_shape for sample in samples]
            masks = [
                F.pad(sample.gt_instances.masks, (0, PADDED[1] - width, 0, PADDED[0] - height))
                for sample, (height, width) in zip(samples, sizes, strict=True)
            ]
            torch.manual_seed(1)
            labels = [sample.gt_instances.labels for sample in samples]
            matches = model.criterion.match(output.class_logits, output.masks, labels, masks)
        assert len(calls) == LAYERS
        for stride, number in ((32, 3), (16, 1), (8, 2)):
            cross_attention, query, position, level, *_ = calls[number]
            assert level.strides == (stride,)
            attention = cross_attention.attention
            keys = attention.key(level.source + level.position)
            queries = attention.query(query + position)
            width = keys.shape[2] // attention.num_heads
            for image, sample in enumerate(samples):
                pairs = zip(matches.query[matches.image == image], matches.target[matches.image == image], strict=True)
                for row, (chosen, target) in enumerate(pairs):
                    heads = [
                        (keys[image, :, part] @ queries[image, chosen, part] / width**0.5).softmax(dim=0)
                        for part in (slice(start, start + width) for start in range(0, keys.shape[2], width))
                    ]
                    expected = sum(heads) / len(heads)
                    torch.testing.assert_close(sample.attention_maps[stride][row].flatten(), expected)
                    torch.testing.assert_close(sample.attended_masks[row], masks[image][target])

    def test_each_query_has_the_segment_it_is_matched_with(self, monkeypatch):
        """Query q is made to read cell q alone, so that a map says whose it is."""
        model = build("AttentionInspector", cross_attention={"type": "MaskPooling"})
        pairs = torch.tensor([[0, 0, 0], [0, 0, 1], [4, 7, 4], [2, 0, 1]])  # layer, image, query, target
        monkeypatch.setattr(model.criterion, "match", lambda *_: Matches(*pairs))
        monkeypatch.setattr(
            "m2f.models.transformer_decoder.cross_attention.foreground",
            lambda logits: (
                F.one_hot(torch.arange(logits.shape[1]) % logits.shape[2], logits.shape[2])
                .bool()
                .expand(len(logits), -1, -1)
            ),
        )
        data = batch(model)
        first, second = predict(model, data)
        assert first.attention_maps[16].flatten(1).argmax(dim=1).tolist() == [4, 7]
        assert second.attention_maps[16].flatten(1).argmax(dim=1).tolist() == [4]
        truth = [sample.gt_instances.masks for sample in data["data_samples"]]
        torch.testing.assert_close(first.attended_masks, truth[0][[2, 0]])
        torch.testing.assert_close(second.attended_masks[:, :50, :70], truth[1][[1]])
        assert not second.attended_masks[:, 50:].any()
        assert not second.attended_masks[:, :, 70:].any()

    def test_image_without_segments(self):
        model = build("AttentionInspector")
        _, empty = predict(model, batch(model, targets=(2, 0)))
        assert len(empty.attended_masks) == len(empty.attention_maps[8]) == 0

    def test_leaves_the_model_as_it_was(self):
        model = build("AttentionInspector")
        predict(model, batch(model))
        assert not any(module._forward_pre_hooks for module in model.modules())

    def test_needs_ground_truth(self):
        model = build("AttentionInspector")
        data = batch(model)
        for sample in data["data_samples"]:
            del sample.gt_instances
        with pytest.raises(InputError, match=r"val_dataloader\.dataset\.pipeline"):
            predict(model, data)

    def test_several_resolutions_in_one_layer(self):
        model = build("AttentionInspector", reads=[[32, 16, 8]])
        with pytest.raises(InputError, match=r"model\.transformer_decoder\.reads"):
            predict(model, batch(model))


class TestLayerInspector:
    @pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
    def test_last_layer_is_the_models_answer(self, task):
        inspector, model = build("LayerInspector", task), build("Mask2Former", task)
        assert inspector.state_dict().keys() == model.state_dict().keys()
        data = batch(model)
        for inspected, expected in zip(predict(inspector, data), predict(model, data), strict=True):
            assert list(inspected.layers) == list(range(LAYERS + 1))
            assert_same_segmentation(inspected.layers[LAYERS], expected)

    @pytest.mark.parametrize("queries", ["LearnableQueries", "ZeroQueries"])
    def test_a_layer_is_the_answer_of_a_decoder_that_ends_there(self, queries):
        inspector = build("LayerInspector", queries={"type": queries, "num_queries": 10})
        short = build("Mask2Former", queries={"type": queries, "num_queries": 10})
        data = batch(short)
        samples = predict(inspector, data)
        assert list(samples[0].layers) == {"LearnableQueries": [0, 1, 2, 3, 4], "ZeroQueries": [1, 2, 3, 4]}[queries]
        layers = short.transformer_decoder.layers
        for number in samples[0].layers:
            short.transformer_decoder.layers = layers[:number]
            for inspected, expected in zip(samples, predict(short, data), strict=True):
                assert_same_segmentation(inspected.layers[number], expected)

    def test_every_query_is_a_proposal(self):
        model = build("LayerInspector", "instance")
        data = batch(model)
        samples = predict(model, data)
        with torch.no_grad():
            output = model.decode(data["inputs"], all_layers=True)
        logits = F.interpolate(output.masks.everything().flatten(0, 1), size=PADDED, mode="bilinear")
        logits = logits.unflatten(0, (LAYERS + 1, 2))
        for image, (sample, (height, width)) in enumerate(zip(samples, SIZES, strict=True)):
            cut = logits[:, image, :, :height, :width]
            original = F.interpolate(cut, size=(2 * height, 2 * width), mode="bilinear")
            for layer, prediction in sample.layers.items():
                proposals = prediction["proposals"]
                assert proposals["masks"].dtype == torch.bool
                agree = (proposals["masks"] == (original[layer] > 0)).float().mean()
                assert agree > 0.999  # a logit near zero may fall either way in float32
                no_object = output.class_logits[layer, image].exp()[:, -1] / output.class_logits[
                    layer, image
                ].exp().sum(1)
                torch.testing.assert_close(proposals["scores"], 1 - no_object)


def assert_same_segmentation(fields, sample):
    """All predictions of a task, in the fields of a sample and in a sample."""
    expected = sample.to_dict()
    predicted = [name for name in expected if name.startswith("pred_")]
    assert predicted
    for name in predicted:
        for part, values in expected[name].items():
            torch.testing.assert_close(fields[name][part], values)
    assert fields.get("segments_info") == expected.get("segments_info")
