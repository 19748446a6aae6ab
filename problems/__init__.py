"""The catalogue: every problem that ships with the package, and the groups.

`CATALOGUE` maps a problem's name to the module that registers it, so that names can be
listed, checked and corrected without importing any of them (and so without TensorFlow).
"""

from __future__ import annotations

_COCO = "t2t_multimodel.problems.caption.coco"
_IMAGENET = "t2t_multimodel.problems.image.imagenet"
_LIBRISPEECH = "t2t_multimodel.problems.speech.librispeech"
_MINI = "t2t_multimodel.problems.mini.problems"
_PARSE = "t2t_multimodel.problems.parse.wsj"
_WMT = "t2t_multimodel.problems.translate.wmt"
_WSJ = "t2t_multimodel.problems.speech.wsj"

CATALOGUE: dict[str, str] = {
    "caption_coco": _COCO,
    "caption_mini": _MINI,
    "image_imagenet": _IMAGENET,
    "image_mini": _MINI,
    "parse_mini": _MINI,
    "parse_wsj": _PARSE,
    "speech_librispeech": _LIBRISPEECH,
    "speech_mini": _MINI,
    "speech_wsj": _WSJ,
    "translate_deen_mini": _MINI,
    "translate_deen_wmt": _WMT,
    "translate_defr_mini": _MINI,
    "translate_defr_wmt": _WMT,
    "translate_ende_mini": _MINI,
    "translate_ende_wmt": _WMT,
    "translate_enfr_mini": _MINI,
    "translate_enfr_wmt": _WMT,
    "translate_fren_mini": _MINI,
    "translate_fren_wmt": _WMT,
}

GROUPS: dict[str, tuple[str, ...]] = {
    # The eight kinds of the paper, in its order, as a miniature world.
    "mini_eight": (
        "speech_mini",
        "image_mini",
        "caption_mini",
        "parse_mini",
        "translate_ende_mini",
        "translate_deen_mini",
        "translate_enfr_mini",
        "translate_defr_mini",
    ),
    # The same on real corpora: the problems that the paper trains together.
    "paper_eight": (
        "speech_wsj",
        "image_imagenet",
        "caption_coco",
        "parse_wsj",
        "translate_ende_wmt",
        "translate_deen_wmt",
        "translate_enfr_wmt",
        "translate_defr_wmt",
    ),
    "translate_wmt": (
        "translate_ende_wmt",
        "translate_deen_wmt",
        "translate_enfr_wmt",
        "translate_fren_wmt",
        "translate_defr_wmt",
    ),
}
