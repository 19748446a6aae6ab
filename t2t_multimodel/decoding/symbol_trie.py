"""The symbols of linear trees as a trie over vocabulary pieces, in tables.

Node 0 is where the first symbol of an output begins. Every later symbol is spelled with
the space before it; its first piece leads to a node of its own. The vocabulary joins no
pieces across a space, so spelling symbol by symbol gives what it gives for whole trees.

Shape suffixes: N nodes, A labels, E edges of a node, M pieces that begin a symbol,
V vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from t2t_multimodel.data.tree_symbols import TreeSymbols

# More pieces than anything has.
_FAR = 1 << 20


class SymbolTrie:
    """Tables over the nodes; a rest counts the pieces that still have to follow.

    Args:
        symbols: Labels and tags.
        vocabulary: Spells them.

    Attributes:
        kind: `[N]`, OPEN, CLOSE or TAG where a symbol may end at the node, else 0.
        label: `[N]`, the number of the label opened or closed there, else 0.
        edge_piece, edge_child: `[N, E]`, the pieces that go on with a symbol and where
            they lead; unused entries are piece 0 and child -1.
        begin_piece, begin_child: `[M]`, the pieces that begin a symbol after another.
        first_child: `[V]`, the child of such a piece by its number; 0 for others.
        tag_rest: `[N]`, to the end of the nearest tag below the node; far if none is.
        open_rest: `[N]`, to the end of an opening label below, together with the
            pieces that close it again, at least.
        close_rest: `[N, A]`, to the end of each closing label; far if not below.
        close_length: `[A]`, pieces of each closing label.
        shortest_tag: Pieces of the shortest tag.
        shortest_phrase: Pieces of the shortest first label with its closing one.

    Raises:
        ValueError: There is no label or no tag.
    """

    OPEN, CLOSE, TAG = 1, 2, 3

    def __init__(self, symbols: TreeSymbols, vocabulary: Any) -> None:
        labels, tags = symbols.labels, symbols.tags
        if not labels or not tags:
            raise ValueError(
                "a grammar of trees needs labels and tags; the training data has "
                f"{len(labels)} and {len(tags)}."
            )
        self._nodes = _Nodes()
        close = [vocabulary.encode(f" /{label}") for label in labels]
        self.close_length = np.array([len(pieces) for pieces in close], np.int32)
        tag_pieces = [vocabulary.encode(f" {tag}") for tag in tags]
        self.shortest_tag = min(map(len, tag_pieces))
        first = [vocabulary.encode(label) for label in labels]
        self.shortest_phrase = int(
            min(len(p) + n for p, n in zip(first, self.close_length, strict=True))
        )
        ends = [
            *((0, p, self.OPEN, a) for a, p in enumerate(first)),
            *(
                (1, vocabulary.encode(f" {label}"), self.OPEN, a)
                for a, label in enumerate(labels)
            ),
            *((1, p, self.CLOSE, a) for a, p in enumerate(close)),
            *((1, p, self.TAG, 0) for p in tag_pieces),
        ]
        paths = [self._nodes.add(root, pieces) for root, pieces, _, _ in ends]
        size = len(self._nodes.children)
        self.kind, self.label, self.tag_rest, self.open_rest = (
            np.full(size, value, np.int32) for value in (0, 0, _FAR, _FAR)
        )
        self.close_rest = np.full((size, len(labels)), _FAR, np.int32)
        for path, (_, _, kind, label) in zip(paths, ends, strict=True):
            self.kind[path[-1]], self.label[path[-1]] = kind, label
            for rest, node in enumerate(reversed(path)):
                self._shorten(node, rest, kind, label)
        self._lay_out_edges(vocabulary.size)

    def _shorten(self, node: int, rest: int, kind: int, label: int) -> None:
        """Notes that a symbol ends `rest` pieces below the node."""
        if kind == self.TAG:
            self.tag_rest[node] = min(self.tag_rest[node], rest)
        elif kind == self.CLOSE:
            self.close_rest[node, label] = rest
        else:
            whole = rest + self.close_length[label]
            self.open_rest[node] = min(self.open_rest[node], whole)

    def _lay_out_edges(self, vocabulary_size: int) -> None:
        children = self._nodes.children
        begin = sorted(children[1].items())
        self.begin_piece = np.array([piece for piece, _ in begin], np.int32)
        self.begin_child = np.array([child for _, child in begin], np.int32)
        self.first_child = np.zeros(vocabulary_size, np.int32)
        self.first_child[self.begin_piece] = self.begin_child
        # Node 1 stands between symbols; nobody is ever at it.
        others = [{} if node == 1 else edges for node, edges in enumerate(children)]
        widest = max(1, *map(len, others))
        self.edge_piece = np.zeros((len(others), widest), np.int32)
        self.edge_child = np.full((len(others), widest), -1, np.int32)
        for node, edges in enumerate(others):
            for place, (piece, child) in enumerate(sorted(edges.items())):
                # A piece that goes on with a symbol has no space in front.
                assert node == 0 or piece not in children[1]
                self.edge_piece[node, place] = piece
                self.edge_child[node, place] = child


class _Nodes:
    """Grows a trie with two roots: 0 for the first symbol, 1 for all later ones."""

    def __init__(self) -> None:
        self.children: list[dict[int, int]] = [{}, {}]

    def add(self, root: int, pieces: list[int]) -> list[int]:
        """The nodes along some pieces, made where they lack, without the root."""
        node, path = root, []
        for piece in pieces:
            edges = self.children[node]
            if piece not in edges:
                edges[piece] = len(self.children)
                self.children.append({})
            node = edges[piece]
            path.append(node)
        return path
