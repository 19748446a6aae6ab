"""Parts of a model with their weights: nothing twice, nothing left out."""

from __future__ import annotations

from t2t_multimodel.models.multimodel import MultiModel
from t2t_multimodel.testing.small_model import CONFIG, TASKS, VOCAB
from t2t_multimodel.training.freezing import freeze
from t2t_multimodel.training.part_sizes import part_sizes


def test_parts_add_up_and_name_who_uses_them() -> None:
    model = MultiModel(CONFIG, TASKS, VOCAB)
    model.build_views()
    *parts, whole = part_sizes(model)
    assert whole.weights == model.count_params() == sum(size.weights for size in parts)
    used = {size.part: size.used_by for size in parts}
    assert used["encoder"] == "all"
    assert used["decoder"] == "all but image, sentiment"
    assert used["image_top"] == "image"
    freeze(model, "image_top")
    sizes = {size.part: size for size in part_sizes(model)}
    assert sizes["encoder"].cells()[2] == "frozen"
    assert sizes["all"].trained == sizes["image_top"].weights > 0
