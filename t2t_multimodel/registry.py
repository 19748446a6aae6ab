"""Names of problems, groups of problems, hyper-parameter sets and experiments.

The idea: a name costs nothing until it is used. What ships with the package stands in
static catalogues (`problems/__init__.py`, `hparams/__init__.py`,
`experiments/__init__.py`) that map a name to the module that registers it; that module
is imported when the name is first asked for. So a misspelt name is refused, with near
names, before TensorFlow is loaded.

Problems of the user's own come in three ways through `register_problem`: a folder
(`import_usr_dir`), an entry point of the group `t2t_multimodel.problems` whose name is
the problem's name, or a cell of a notebook. A fourth needs no Python: files
NAME.problem.json that define a problem (`use_definitions`). Experiments come in the
same three ways, their entry points in the group `t2t_multimodel.experiments`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from t2t_multimodel.data.problem import Problem
    from t2t_multimodel.experiments.recipe import Experiment
    from t2t_multimodel.experiments.setting import Setting
    from t2t_multimodel.training.config import HParams

ENTRY_POINT_GROUP = "t2t_multimodel.problems"
EXPERIMENTS_GROUP = "t2t_multimodel.experiments"
DEFINITION_SUFFIX = ".problem.json"

Factory = TypeVar("Factory", bound=Callable[..., Any])


class UnknownNameError(ValueError):
    """A name that nothing is registered under; the message holds near names."""


class _Kind:
    """One kind of registered thing: what has been registered, what could be loaded."""

    def __init__(self, noun: str, package: str, entry_point_group: str = "") -> None:
        self.noun = noun
        self._package = package
        self._entry_point_group = entry_point_group
        self._factories: dict[str, Callable[..., Any]] = {}

    def add(self, name: str, factory: Callable[..., Any]) -> None:
        """Registers `factory`; refuses a name that another module has taken."""
        _check_form(self.noun, name)
        module = factory.__module__
        present = self._factories.get(name)
        taken_by = present.__module__ if present else self._catalogue().get(name)
        # A cell of a notebook may run twice: the newer definition then counts.
        is_same = present is factory or module == taken_by == "__main__"
        is_catalogued = present is None and module == taken_by
        if taken_by is not None and not (is_same or is_catalogued):
            raise ValueError(
                f"{self.noun} {name!r} is registered twice: by module {taken_by} and "
                f"by module {module}; give one of them another name"
            )
        self._factories[name] = factory

    def put(self, name: str, factory: Callable[..., Any]) -> None:
        """Registers `factory` in place of what has the name."""
        self._factories[name] = factory

    def registered(self, name: str) -> Callable[..., Any] | None:
        """The factory called `name`, if it has been registered already."""
        return self._factories.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, sorted, those not yet imported included."""
        return tuple(
            sorted({*self._factories, *self._catalogue(), *self._entry_points()})
        )

    def get(self, name: str) -> Callable[..., Any]:
        """The factory called `name`, imported if need be."""
        if name not in self._factories:
            module, entry_point = self._catalogue().get(name), self._entry_point(name)
            if entry_point is not None:
                loaded = entry_point.load()
                if name not in self._factories and callable(loaded):
                    self.add(name, loaded)
            elif module is not None:
                importlib.import_module(module)
            else:
                raise UnknownNameError(_unknown(self.noun, name, self.names()))
            if name not in self._factories:
                origin = module or getattr(entry_point, "value", "")
                raise ValueError(f"{origin} registers no {self.noun} {name!r}")
        return self._factories[name]

    def _catalogue(self) -> Mapping[str, str]:
        catalogue: Mapping[str, str] = importlib.import_module(self._package).CATALOGUE
        return catalogue

    def _entry_points(self) -> Mapping[str, list[importlib.metadata.EntryPoint]]:
        found: dict[str, list[importlib.metadata.EntryPoint]] = {}
        if self._entry_point_group:
            points = importlib.metadata.entry_points(group=self._entry_point_group)
            for point in points:
                found.setdefault(point.name, []).append(point)
        return found

    def _entry_point(self, name: str) -> importlib.metadata.EntryPoint | None:
        points = self._entry_points().get(name, [])
        origins = sorted({point.value for point in points})
        if name in self._catalogue() and points:
            origins.insert(0, self._catalogue()[name])
        if len(origins) > 1:
            raise ValueError(
                f"{self.noun} {name!r} is registered twice: by {origins[0]} and by "
                f"{origins[1]} (entry point of {self._entry_point_group}); uninstall "
                f"one of them or give it another name"
            )
        return points[0] if points else None


_problems = _Kind("problem", "t2t_multimodel.problems", ENTRY_POINT_GROUP)
_hparams = _Kind("hyper-parameter set", "t2t_multimodel.hparams")
_experiments = _Kind("experiment", "t2t_multimodel.experiments", EXPERIMENTS_GROUP)
_groups: dict[str, tuple[str, ...]] = {}
_usr_dirs: dict[Path, types.ModuleType] = {}
# By problem: the factory of one that a definition made.
_defined: dict[str, Callable[..., Any]] = {}


@overload
def register_problem(name: str) -> Callable[[Factory], Factory]: ...
@overload
def register_problem(name: Factory) -> Factory: ...
def register_problem(name: Any) -> Any:
    """Registers a `Problem` class; used bare or with a name.

    Args:
        name: The problem's name, of the letters `a-z`, digits and `_`. Without it the
            class's name in snake case: `SentimentReviews` gives `sentiment_reviews`.

    Returns:
        The class itself, so that this serves as a decorator.

    Raises:
        ValueError: The name is malformed, or another module has taken it.
    """
    if not isinstance(name, str):
        return register_problem(_snake_case(name.__name__))(name)

    def register(factory: Factory) -> Factory:
        _problems.add(name, factory)
        return factory

    return register


def register_hparams(function: Factory) -> Factory:
    """Registers a function that returns an `HParams` under the function's name."""
    _hparams.add(function.__name__, function)
    return function


def register_experiment(function: Factory) -> Factory:
    """Registers a recipe, a function of a `Setting`, under the function's name."""
    _experiments.add(function.__name__, function)
    return function


def register_group(name: str, problems: Iterable[str]) -> None:
    """Gives several problems one name, for `--problems`.

    Raises:
        ValueError: The name is malformed, or means something else already.
    """
    _check_form("group", name)
    members = tuple(problems)
    if name in _problems.names() or _all_groups().get(name, members) != members:
        raise ValueError(f"group {name!r} has the name of another problem or group")
    _groups[name] = members


def problem(name: str, **options: Any) -> Problem:
    """A new instance of the problem called `name`; imports its module on first use.

    Args:
        name: The problem's name.
        options: What its class takes when an instance is made.

    Raises:
        UnknownNameError: There is no such problem, or it has no such option.
    """
    factory = _problems.get(name)
    known = _options_of(factory)
    for option in options:
        if option not in known:
            raise UnknownNameError(_unknown(f"option of {name}", option, known))
    instance: Problem = factory(**options)
    instance.name = name
    return instance


def problem_options(name: str) -> dict[str, Any]:
    """What the problem called `name` can be made with: options and their types."""
    factory = _problems.get(name)
    is_class = isinstance(factory, type)
    initial = getattr(factory, "__init__", factory) if is_class else factory
    try:
        hints = typing.get_type_hints(initial)
    except NameError:  # a type that is imported for checkers alone
        hints = {}
    return {option: hints.get(option, Any) for option in _options_of(factory)}


def hparams(name: str) -> HParams:
    """The hyper-parameter set called `name`; imports its module on first use."""
    config: HParams = _hparams.get(name)()
    return config


def about_hparams(name: str) -> str:
    """What the set called `name` is for: the first line of its docstring."""
    text = inspect.getdoc(_hparams.get(name)) or ""
    return text.partition("\n")[0]


def recipe(name: str) -> Callable[[Setting], Experiment]:
    """The recipe of the experiment called `name`; imports its module on first use."""
    return _experiments.get(name)


def list_problems() -> tuple[str, ...]:
    """Names of all problems, sorted; imports none of them."""
    return _problems.names()


def list_hparams() -> tuple[str, ...]:
    """Names of all hyper-parameter sets, sorted; imports none of them."""
    return _hparams.names()


def list_experiments() -> tuple[str, ...]:
    """Names of all experiments, sorted; imports none of them."""
    return _experiments.names()


def list_groups() -> tuple[str, ...]:
    """Names of all groups of problems, sorted."""
    return tuple(sorted(_all_groups()))


def group(name: str) -> tuple[str, ...]:
    """The problems of a group, in its order."""
    groups = _all_groups()
    if name not in groups:
        raise UnknownNameError(_unknown("group", name, tuple(sorted(groups))))
    return groups[name]


def parse_problems(text: str | Sequence[str]) -> tuple[str, ...]:
    """Reads a list of problems: names and groups joined by commas or dashes.

    Args:
        text: For example `"speech_mini,parse_mini-translate_ende_wmt"` or a group's
            name; or a sequence of such texts.

    Returns:
        The problems' names, in the order given, groups expanded, none twice.

    Raises:
        UnknownNameError: A name is neither a problem nor a group.
        ValueError: There is no name at all.
    """
    joined = text if isinstance(text, str) else ",".join(text)
    items = [item.strip() for item in re.split("[,-]", joined) if item.strip()]
    if not items:
        raise ValueError(f"no problem is named; groups: {', '.join(list_groups())}")
    groups, names = _all_groups(), list_problems()
    found: dict[str, None] = {}
    for item in items:
        if item not in groups and item not in names:
            raise UnknownNameError(_unknown("problem", item, (*names, *groups)))
        found.update(dict.fromkeys(groups.get(item, (item,))))
    return tuple(found)


def import_usr_dir(path: str | Path) -> None:
    """Imports a folder of the user's own problems, so that they get registered.

    A folder with an `__init__.py` is imported as the package that it is; without one,
    every `*.py` file in it is imported. Files import each other relatively
    (`from . import reader`). Doing it twice changes nothing.

    Raises:
        ValueError: There is no such folder, or no Python file in it.
    """
    folder = Path(path).expanduser().resolve()
    if folder in _usr_dirs:
        return
    files = sorted(folder.glob("*.py"))
    if not files:
        fault = "holds no .py file" if folder.is_dir() else "is not a folder"
        raise ValueError(f"--t2t_usr_dir: {folder} {fault}")
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    package = f"t2t_usr_{re.sub('[^A-Za-z0-9_]', '_', folder.name)}_{digest}"
    initial = folder / "__init__.py"
    if initial.exists():
        spec = importlib.util.spec_from_file_location(
            package, initial, submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
    else:
        spec, module = None, types.ModuleType(package)
        module.__path__ = [str(folder)]
    sys.modules[package] = module
    try:
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(module)
        else:
            for file in files:
                importlib.import_module(f"{package}.{file.stem}")
    except BaseException:
        del sys.modules[package]
        raise
    _usr_dirs[folder] = module


def use_definitions(folder: str | Path) -> None:
    """Makes the problems known that files NAME.problem.json in a folder define.

    A file is read when its problem is first asked for. Of several definitions of one
    name the one that came last counts.

    Raises:
        ValueError: A name is malformed, or belongs to another problem or group.
    """
    for path in sorted(Path(folder).expanduser().glob(f"*{DEFINITION_SUFFIX}")):
        define_problem(
            path.name.removesuffix(DEFINITION_SUFFIX), _loader(path), str(path)
        )


def define_problem(name: str, factory: Callable[..., Any], origin: str) -> None:
    """Registers a problem that is defined by data; it may be defined anew.

    Args:
        name: The problem's name.
        factory: Makes an instance.
        origin: The file that it comes from, for messages.

    Raises:
        ValueError: The name is malformed, or belongs to another problem or group.
    """
    _check_form("problem", name)
    is_new = name not in _defined or _problems.registered(name) is not _defined[name]
    if name in list_groups() or (is_new and name in list_problems()):
        raise ValueError(
            f"{origin}: there is another problem or group called {name!r}; give this "
            f"one another name"
        )
    _defined[name] = factory
    _problems.put(name, factory)


def usr_dirs() -> tuple[Path, ...]:
    """The folders given to `import_usr_dir`, for processes that must do the same."""
    return tuple(_usr_dirs)


def _loader(path: Path) -> Callable[[], Problem]:
    def load() -> Problem:
        own = importlib.import_module("t2t_multimodel.problems.own.problem")
        loaded: Problem = own.load(path)
        return loaded

    return load


def _all_groups() -> Mapping[str, tuple[str, ...]]:
    catalogued = importlib.import_module("t2t_multimodel.problems").GROUPS
    return {**catalogued, **_groups}


def _options_of(factory: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(factory).parameters.values()
    return tuple(
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    )


def _check_form(noun: str, name: str) -> None:
    if not re.fullmatch("[a-z0-9_]+", name):
        raise ValueError(
            f"{noun} {name!r}: a name consists of the letters a-z, digits and '_'"
        )


def _unknown(noun: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"no {noun} {name!r}; near it: {', '.join(near)}"
    return f"no {noun} {name!r}; known: {', '.join(known) or 'none'}"


def _snake_case(name: str) -> str:
    words = re.sub("([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", words).lower()
