"""Trees by construction: which pieces may come next, so that a tree comes out.

An output in linear form (`S NP NNP /NP VP VBZ /VP /S`, see `data/trees.py`) is held to
one tree over exactly the words of its input: one tag a word, in order; no phrase empty;
what opened last closes first; one phrase around all. Labels and tags are those of the
training data. Symbols are spelled in pieces of the vocabulary, in the one way in which
it spells them, so the state of a hypothesis is a node of a trie (the symbol that is
being spelled) and what has been built up to there. It also counts what is needed to
finish, in pieces, and takes nothing up that would not fit into what is left.

Shape suffixes: B inputs, R hypotheses, V vocabulary, N nodes of the trie, A labels,
E edges (pieces that may follow), D depth of the stack of open phrases.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from t2t_multimodel.data.tree_symbols import TreeSymbols
from t2t_multimodel.data.trees import MAX_DEPTH
from t2t_multimodel.data.vocabulary import EOS
from t2t_multimodel.decoding.scorer import Scorer
from t2t_multimodel.decoding.symbol_trie import SymbolTrie


class TreeGrammar:
    """What of a vocabulary may follow what, for trees with certain labels and tags.

    Args:
        symbols: The labels and tags.
        vocabulary: The `Vocabulary` that spells them.

    Raises:
        ValueError: There is no label or no tag.
    """

    def __init__(self, symbols: TreeSymbols, vocabulary: Any) -> None:
        self._trie = SymbolTrie(symbols, vocabulary)

    def shortest(self, num_words: int) -> int:
        """Tokens of the shortest tree over so many words, EOS included."""
        trie = self._trie
        if not num_words:
            return 1
        return int(trie.shortest_phrase + num_words * trie.shortest_tag + 1)

    def constrain(self, scorer: Scorer, num_words: Any, max_length: Any) -> Scorer:
        """A scorer that gives minus infinity to what would not become a tree.

        What remains keeps its probability: an output's log-probability is what the
        model gives it, with and without the grammar.

        Args:
            scorer: Scores over the vocabulary.
            num_words: int32 `[B]`; an input without words gets an empty output.
            max_length: int32 `[B]`, tokens with EOS; at least `shortest`.
        """
        num_words_B = tf.convert_to_tensor(num_words, tf.int32)
        limit_B = tf.convert_to_tensor(max_length, tf.int32)
        start = self._start(num_words_B, limit_B)

        def step(before_R: Any, position: Any, state: Any) -> tuple[Any, Any]:
            log_p_RV, inner = scorer.step(before_R, position, state["scorer"])
            grammar = _State(**state["grammar"])
            grammar = self._advance(grammar, before_R, position)
            allowed_RV = self._allowed(grammar, position, tf.shape(log_p_RV))
            log_p_RV = tf.where(allowed_RV, log_p_RV, -float("inf"))
            return log_p_RV, {"scorer": inner, "grammar": grammar._asdict()}

        shapes = {
            name: (None,) * len(tensor.shape)
            for name, tensor in start._asdict().items()
        }
        return Scorer(
            step,
            {"scorer": scorer.state, "grammar": start._asdict()},
            {"scorer": scorer.shapes, "grammar": shapes},
        )

    def _start(self, num_words_B: Any, limit_B: Any) -> _State:
        """Nothing built, nothing spelled."""
        zeros_B = tf.zeros_like(num_words_B)
        # An opened phrase takes two tokens at the least, to open and to close it.
        depth = tf.clip_by_value(tf.reduce_max(limit_B) // 2, 1, MAX_DEPTH)
        stack_BD = tf.zeros([tf.shape(limit_B)[0], depth], tf.int32)
        words_and_end_B = num_words_B * self._trie.shortest_tag + 1
        return _State(
            limit=limit_B,
            node=zeros_B,
            words=num_words_B,
            depth=zeros_B,
            is_empty=tf.ones_like(num_words_B, tf.bool),
            needed=words_and_end_B,
            stack=stack_BD,
            next_words=num_words_B,
            next_depth=zeros_B,
            next_is_empty=tf.ones_like(num_words_B, tf.bool),
            next_needed=words_and_end_B,
            next_stack=stack_BD,
            is_complete=num_words_B == 0,
        )

    def _advance(self, state: _State, piece_R: Any, position: Any) -> _State:
        """The state after one more piece."""
        trie = self._trie
        edges_RE = tf.gather(trie.edge_piece, state.node)
        is_edge_RE = edges_RE == piece_R[:, None]
        children_RE = tf.gather(trie.edge_child, state.node)
        child_R = tf.reduce_max(tf.where(is_edge_RE, children_RE, -1), axis=1)
        # A piece that does not go on with the symbol begins the next one.
        is_new_R = child_R < 0
        node_R = tf.where(is_new_R, tf.gather(trie.first_child, piece_R), child_R)
        built = _Built(
            words=tf.where(is_new_R, state.next_words, state.words),
            depth=tf.where(is_new_R, state.next_depth, state.depth),
            is_empty=tf.where(is_new_R, state.next_is_empty, state.is_empty),
            needed=tf.where(is_new_R, state.next_needed, state.needed),
            stack=tf.where(is_new_R[:, None], state.next_stack, state.stack),
        )
        after, is_complete_R = self._with_symbol(built, node_R)
        moved = _State(
            limit=state.limit,
            node=node_R,
            **built._asdict(),
            **{f"next_{name}": value for name, value in after._asdict().items()},
            is_complete=is_complete_R,
        )
        is_start = position == 0
        return _State(
            *(
                tf.where(is_start, old, new)
                for old, new in zip(state, moved, strict=True)
            )
        )

    def _with_symbol(self, built: _Built, node_R: Any) -> tuple[_Built, Any]:
        """What is built with the node's symbol, and whether it is a symbol that fits.

        Where it does not, what is given back has no meaning.
        """
        trie = self._trie
        kind_R, label_R = (
            tf.gather(table, node_R) for table in (trie.kind, trie.label)
        )
        opens_R, closes_R, tags_R = (
            kind_R == kind for kind in (trie.OPEN, trie.CLOSE, trie.TAG)
        )
        fits = _fitting(built)
        is_right_R = label_R == _top(built)
        is_complete_R = (
            (opens_R & fits.open_R)
            | (tags_R & fits.tag_R)
            | (closes_R & fits.close_R & is_right_R)
        )
        step_R = tf.cast(opens_R, tf.int32) - tf.cast(closes_R, tf.int32)
        tag_R = tf.cast(tags_R, tf.int32)
        close_R = tf.gather(trie.close_length, label_R)
        places_D = tf.range(tf.shape(built.stack)[1])
        is_here_RD = (places_D == built.depth[:, None]) & opens_R[:, None]
        after = _Built(
            words=built.words - tag_R,
            depth=built.depth + step_R,
            is_empty=opens_R,
            needed=built.needed + step_R * close_R - tag_R * trie.shortest_tag,
            stack=tf.where(is_here_RD, label_R[:, None], built.stack),
        )
        return after, is_complete_R

    def _allowed(self, state: _State, position: Any, shape: Any) -> Any:
        """bool `[R, V]`: the pieces after which a tree can be finished in time."""
        trie = self._trie
        built = _Built(*(getattr(state, name) for name in _Built._fields))
        after = _Built(*(getattr(state, f"next_{name}") for name in _Built._fields))
        left_R = state.limit - position - 1
        edge_RE = tf.gather(trie.edge_piece, state.node)
        child_RE = tf.gather(trie.edge_child, state.node)
        goes_on_RE = self._reaches(built, child_RE, left_R) & (child_RE >= 0)
        rows = tf.shape(state.node)[0]
        begin_RE = tf.broadcast_to(trie.begin_piece, [rows, len(trie.begin_piece)])
        first_RE = tf.broadcast_to(trie.begin_child, tf.shape(begin_RE))
        is_complete_R1 = state.is_complete[:, None]
        begins_RE = self._reaches(after, first_RE, left_R) & is_complete_R1
        ends_R1 = is_complete_R1 & (state.next_depth == 0)[:, None]
        piece_RE = tf.concat([edge_RE, begin_RE, tf.fill([rows, 1], EOS)], axis=1)
        allowed_RE = tf.concat([goes_on_RE, begins_RE, ends_R1], axis=1)
        row_RE = tf.broadcast_to(tf.range(rows)[:, None], tf.shape(piece_RE))
        counts_RV = tf.scatter_nd(
            tf.stack([row_RE, piece_RE], axis=-1), tf.cast(allowed_RE, tf.int32), shape
        )
        return counts_RV > 0

    def _reaches(self, built: _Built, node_RE: Any, left_R: Any) -> Any:
        """bool `[R, E]`: whether below the nodes is a symbol that fits, in time."""
        trie = self._trie
        fits = _fitting(built)
        node_RE = tf.maximum(node_RE, 0)
        top_R = _top(built)
        # What may be spent to end the symbol, if nothing else is done than needed.
        spare_R1 = (left_R - built.needed)[:, None]
        close_R1 = tf.gather(trie.close_length, top_R)[:, None]
        rest_of_top_RE = tf.gather_nd(
            trie.close_rest,
            tf.stack(
                [node_RE, tf.broadcast_to(top_R[:, None], tf.shape(node_RE))], axis=-1
            ),
        )
        opens_RE = tf.gather(trie.open_rest, node_RE) <= spare_R1
        tags_RE = tf.gather(trie.tag_rest, node_RE) <= spare_R1 + trie.shortest_tag
        closes_RE = rest_of_top_RE <= spare_R1 + close_R1
        return (
            (opens_RE & fits.open_R[:, None])
            | (tags_RE & fits.tag_R[:, None])
            | (closes_RE & fits.close_R[:, None])
        )


class _Built(NamedTuple):
    """What a hypothesis has built, in whole symbols.

    Attributes:
        words: Words that have no tag yet.
        depth: Open phrases.
        is_empty: Whether the innermost one has no part yet, or there was none so far.
        needed: Pieces needed to finish: the shortest tags, all closing labels, EOS.
        stack: `[R, D]`, the labels of the open phrases.
    """

    words: Any
    depth: Any
    is_empty: Any
    needed: Any
    stack: Any


class _State(NamedTuple):
    """A hypothesis in the middle of a symbol.

    Attributes:
        limit: Tokens it may have.
        node: Of the trie, what is spelled of the symbol.
        words, depth, is_empty, needed, stack: What was built before the symbol.
        next_words, ...: What is built with the symbol, if it ends here.
        is_complete: Whether it may end here.
    """

    limit: Any
    node: Any
    words: Any
    depth: Any
    is_empty: Any
    needed: Any
    stack: Any
    next_words: Any
    next_depth: Any
    next_is_empty: Any
    next_needed: Any
    next_stack: Any
    is_complete: Any


class _Fitting(NamedTuple):
    """Which kinds of symbols may come next."""

    open_R: Any
    tag_R: Any
    close_R: Any


def _fitting(built: _Built) -> _Fitting:
    has_words_R, is_inside_R = built.words > 0, built.depth > 0
    has_room_R = built.depth < tf.shape(built.stack)[1]
    # One phrase stands around all: it opens first and closes when no word is left.
    is_first_R = built.is_empty & ~is_inside_R
    return _Fitting(
        open_R=has_words_R & has_room_R & (is_inside_R | is_first_R),
        tag_R=has_words_R & is_inside_R,
        close_R=~built.is_empty & is_inside_R & ((built.depth > 1) | ~has_words_R),
    )


def _top(built: _Built) -> Any:
    """The label of the innermost open phrase; of none, label 0."""
    return tf.gather(built.stack, tf.maximum(built.depth - 1, 0), batch_dims=1)
