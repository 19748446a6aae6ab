"""Table 4 of the paper: the joint model without its experts, and without attention.

Taking a part out makes a model smaller, so beside each arm without a part stands one in
which something plainer has the part's weights:

- of the experts, one feed-forward net through which every position goes, as wide as the
  experts that a position meets (equal active weights);
- of attention, wider experts (equal weights in all, to within one unit of width).
"""

from __future__ import annotations

from t2t_multimodel import registry
from t2t_multimodel.experiments.recipe import Experiment, Paper, Question
from t2t_multimodel.experiments.setting import Setting
from t2t_multimodel.models.config import ModelConfig

PAPER = Paper(
    "Table 4: without experts or without attention, ImageNet and English-French get "
    "equally good or slightly worse: no block harms where it is not needed."
)


@registry.register_experiment
def ablation(setting: Setting) -> Experiment:
    """All blocks, without experts, without attention, and as many weights (table 4)."""
    model = setting.hparams.model
    whole = setting.together(name="all blocks")
    dense_size = model.top_k * model.expert_hidden_size
    without = (
        ("experts", "without experts", {"use_experts": False}),
        (
            "sparse experts, not a dense layer",
            "dense layer for experts",
            {"num_experts": 1, "top_k": 1, "expert_hidden_size": dense_size},
        ),
        ("attention", "without attention", {"use_attention": False}),
        (
            "attention, not wider experts",
            "wider experts for attention",
            {"use_attention": False, "expert_hidden_size": wider_experts(model)},
        ),
    )
    arms = [setting.together(name=name, **changes) for _, name, changes in without]
    return Experiment(
        title="What do experts and attention give?",
        arms=(whole, *arms),
        questions=tuple(
            Question(problem, thing, name, whole.name)
            for thing, name, _ in without
            for problem in setting.problems
        ),
        paper=PAPER,
        notes=(
            "Without attention the decoder knows of the inputs their mean alone.",
            "A label is read off the encoder and meets neither attention nor the "
            "decoder's experts: what attention does to it comes through the shared "
            "encoder.",
        ),
    )


def wider_experts(model: ModelConfig) -> int:
    """The experts' width with which they have the weights of all attention blocks.

    An attention block holds two separable convolutions of 5 taps (d^2 + 5 d, a bias and
    a norm each), two attentions of four d x d maps, and two norms; the two layers of E
    experts of width h hold 2 E (2 d h + h + d).
    """
    d = model.depth
    block = 2 * (d * d + 5 * d + 3 * d) + 2 * 4 * d * d + 2 * 2 * d
    blocks = model.decoder_blocks + 1  # one in the mixer
    per_unit = 2 * model.num_experts * (2 * d + 1)
    return model.expert_hidden_size + round(blocks * block / per_unit)
