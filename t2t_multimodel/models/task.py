"""A problem as the model sees it: which modality nets, and which command.

The model knows nothing of corpora; `task_of` reads the few facts it needs from any
object with a Problem's attributes.
"""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Port:
    """One side of a task.

    Attributes:
        modality: "text", "image", "audio" or "label".
        options: What the modality net must know, as sorted (name, value) pairs.
    """

    modality: str
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str) -> Any:
        """The value of an option.

        Raises:
            ValueError: The port has no such option.
        """
        options = dict(self.options)
        if name not in options:
            raise ValueError(f"the {self.modality} port has no option {name!r}.")
        return options[name]


@dataclasses.dataclass(frozen=True)
class Task:
    """A named problem's inputs, targets and output space."""

    name: str
    inputs: Port
    targets: Port
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "name": self.name,
            "command": self.command,
            **{
                side: {"modality": port.modality, "options": dict(port.options)}
                for side, port in (("inputs", self.inputs), ("targets", self.targets))
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Task:
        """The inverse of `to_dict`."""
        return cls(
            name=data["name"],
            inputs=_port(data["inputs"]["modality"], data["inputs"]["options"]),
            targets=_port(data["targets"]["modality"], data["targets"]["options"]),
            command=data["command"],
        )


def task_of(problem: Any) -> Task:
    """The task of a `Problem` (anything with name, inputs, targets and command)."""
    return Task(
        name=problem.name,
        inputs=_port(problem.inputs.modality, problem.inputs.modality_options()),
        targets=_port(problem.targets.modality, problem.targets.modality_options()),
        command=problem.command,
    )


def _port(modality: str, options: dict[str, Any]) -> Port:
    return Port(modality, tuple(sorted(options.items())))
