"""What a run ran on, without whose machine it was."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from t2t_multimodel.training.environment import environment


def test_versions_and_the_machine_but_no_names() -> None:
    found = environment()
    text = json.dumps(found)
    assert found["versions"]["python"] == platform.python_version()
    assert {"tensorflow", "keras", "numpy"} <= found["versions"].keys()
    assert found["cores"] >= 1 and found["memory_gib"] > 0.1
    assert str(Path.home()) not in text
    assert found["system"].startswith(platform.system())
    assert not any(len(name) > 3 and name in text for name in [platform.node()])
