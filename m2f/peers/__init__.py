"""Other programs behind our calls, Mask2Former's with our weights and those of PQ and AP: nothing is measured here.

``mmdet_peer`` and ``transformers_peer`` build the library's own model in the size that a config of ours describes,
``compiled_peer`` and ``openvino_peer`` the same of transformers as a compiler makes it faster; ``own_peer`` gives our
model the same calls, see :class:`m2f.peers.peer.Peer`.
"""

import m2f.openmmlab  # noqa: F401  (before mmdet's evaluation)
from m2f.peers.compiled_peer import compiled_peer
from m2f.peers.mmdet_peer import mmdet_peer
from m2f.peers.openvino_peer import openvino_peer
from m2f.peers.own_peer import own_peer
from m2f.peers.peer import Peer
from m2f.peers.transformers_peer import transformers_peer

LIBRARIES = {"mmdet": mmdet_peer, "transformers": transformers_peer}
"""Builders by library: ``(model_config, ours) -> Peer``."""

PEERS = {**LIBRARIES, "transformers-compiled": compiled_peer, "openvino": openvino_peer}
"""The same, and what makes transformers' model faster."""

__all__ = [
    "LIBRARIES",
    "PEERS",
    "Peer",
    "compiled_peer",
    "mmdet_peer",
    "openvino_peer",
    "own_peer",
    "transformers_peer",
]
