import torch
import torch.nn.functional as F

from m2f.models.transformer_decoder import PrototypeAttention
from m2f.models.transformer_decoder.cross_attention import Level


def length_one(vector):
    return vector / vector.norm()


def convolved(variant, tokens, height, width):
    """The depthwise 3x3 convolution at every cell, written out, with zeros outside."""
    result = torch.zeros(height * width, 8)
    kernel, bias = variant.neighbours.weight[:, 0], variant.neighbours.bias  # [8, 3, 3]
    for row in range(height):
        for column in range(width):
            total = bias.clone()
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    if 0 <= row + down < height and 0 <= column + right < width:
                        neighbour = tokens[(row + down) * width + column + right]
                        total = total + kernel[:, down + 1, right + 1] * neighbour
            result[row * width + column] = total
    return result


def plain(variant, query, position, level, masks):
    result = torch.zeros(2, 4, 8)
    for image in range(2):
        tokens = F.layer_norm(level.source[image] + level.position[0], (8,))
        parts, start = [], 0
        for height, width in level.sizes:
            parts.append(convolved(variant, tokens[start : start + height * width], height, width))
            start += height * width
        keys = [length_one(variant.key(cell)) for cell in torch.cat(parts)]
        queries = [length_one(variant.query(F.layer_norm(one, (8,)))) for one in query[image] + position[0]]
        prototypes = []
        for index in range(4):
            allowed = [cell for cell in range(15) if masks[image, index, cell] >= 0] or list(range(15))
            heads = [
                max((keys[cell][part] for cell in allowed), key=lambda key, own=queries[index][part]: float(key @ own))
                for part in (slice(0, 4), slice(4, 8))
            ]
            prototypes.append(torch.cat(heads))
        products = torch.stack([variant.product(p * q) for p, q in zip(prototypes, queries, strict=True)])
        over_queries = torch.stack([length_one(column) for column in products.T]).T
        for index in range(4):
            result[image, index] = variant.output(variant.alpha * over_queries[index] + prototypes[index])
    return result


@torch.no_grad()
def test_it_is_its_formula(given):
    """Also for an empty mask, which may take any cell, and for two resolutions that are read together."""
    query, position, level, masks = given
    variant = PrototypeAttention(8, 2)
    variant.alpha.uniform_(0.5, 2)
    for sizes, strides in ((level.sizes, (16,)), (((3, 3), (2, 3)), (32, 16))):
        own = Level(level.source, level.position, sizes, strides)
        expected = plain(variant, query, position, own, masks)
        torch.testing.assert_close(variant(query, position, own, masks), expected)


def test_the_attention_map_is_what_is_taken(given):
    query, position, level, masks = given
    variant = PrototypeAttention(8, 2)
    queries, keys = variant.sides(query, position, level)
    chosen = variant.chosen(queries, keys, masks)
    shown = variant.attention_map(query, position, level, masks)
    for image in range(2):
        for index in range(4):
            for cell in range(15):
                assert shown[image, index, cell] == (chosen[image, :, index] == cell).float().mean()


def test_every_parameter_learns(given):
    query, position, level, masks = given
    variant = PrototypeAttention(8, 2)
    variant(query, position, level, masks).square().sum().backward()
    assert all(own.grad.any() for own in variant.parameters())
