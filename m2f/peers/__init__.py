"""Other programs behind our calls, Mask2Former's with our weights and those of PQ and AP: nothing is measured here.

``mmdet_peer`` and ``transformers_peer`` build the library's own model in the size that a config of ours describes;
``own_peer`` gives our model the same three calls, see :class:`m2f.peers.peer.Peer`.
"""

from m2f.peers.mmdet_peer import mmdet_peer
from m2f.peers.own_peer import own_peer
from m2f.peers.peer import Peer
from m2f.peers.transformers_peer import transformers_peer

PEERS = {"mmdet": mmdet_peer, "transformers": transformers_peer}
"""Builders by library: ``(model_config, ours) -> Peer``."""

__all__ = ["PEERS", "Peer", "mmdet_peer", "own_peer", "transformers_peer"]
