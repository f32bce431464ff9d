"""What the decoder starts from: the queries' features and their position embeddings."""

from torch import Tensor, nn

from m2f.registry import MODELS


@MODELS.register_module()
class LearnableQueries(nn.Module):
    """Learnable query features, supervised before the first layer, and learnable positions (paper section 3.2.3).

    Both are drawn from a standard normal, as the reference's embeddings are.

    Args:
        num_queries: Q.
        embed_dims: D.
    """

    def __init__(self, num_queries: int, embed_dims: int) -> None:
        super().__init__()
        self.features = nn.Embedding(num_queries, embed_dims)
        self.positions = nn.Embedding(num_queries, embed_dims)

    def forward(self, images: int) -> tuple[Tensor, Tensor]:
        """Features ``[images, Q, D]`` and positions ``[1, Q, D]``."""
        return self.features.weight.expand(images, -1, -1), self.positions.weight[None]
