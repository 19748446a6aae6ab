"""The kinds of data that a problem is put together from; all in one place to import.

`feature.py` has the contract, `text_features.py`, `media_features.py` and
`label_feature.py` the kinds.
"""

from __future__ import annotations

from t2t_multimodel.data.feature import Feature, Stored
from t2t_multimodel.data.label_feature import ClassLabel
from t2t_multimodel.data.media_features import Audio, Image
from t2t_multimodel.data.text_features import Text, Texts, Tree

__all__ = [
    "Audio",
    "ClassLabel",
    "Feature",
    "Image",
    "Stored",
    "Text",
    "Texts",
    "Tree",
]
