"""The English sentences that the page may have to tell, collected from the source as templates with numbered gaps."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "lipsync_core"
# What a visitor of the page can reach; the API's own rooms and the settings, which are read at the start, are not.
ROOMS = ("checkpoints", "speech", "face", "models", "sinks", "page", "studio.py", "audio.py", "doctor/models.py")
WEB = ("downloads.py", "jobs.py", "kept.py", "service.py", "uploads.py", "work_folder.py")
NOT_SEEN = ("sinks/webrtc", "ui/examples.py")
ERROR = "LipsyncError"
LISTS = {"notes", "failures"}  # sentences, and reasons, that are told later
PARAMETERS = {"what"}  # that hold a part of a sentence; others hold a name
PROPERTIES = {"how", "words"}  # of a model file: how to get it, and where from
NOT_TOLD = {
    "This is a first sentence.",  # spoken to warm up
    "The quick brown fox jumps over the lazy dog near the river bank.",  # spoken to be measured
    "It was never seen there again.",
    "The person whose voice this is has agreed that it is imitated by this program.",  # written down
    "There is no such sound.",  # to a program
}
GAP, END = "\0", "\1"  # around the separator of a list, or around nothing
ANY = GAP + END


@cache
def templates() -> set[str]:
    """All of them: "{0} is empty" for f"{name} is empty", "{0:, }" for what is joined by ", "."""
    rooms = [Module(path) for path in files()]
    return {template for one in rooms for text in one.texts(errors(rooms)) if spoken(template := numbered(text))}


def files() -> list[Path]:
    listed = [CORE / room for room in ROOMS] + [CORE / "web" / name for name in WEB]
    found = [file for one in listed for file in ([one] if one.suffix else sorted(one.rglob("*.py")))]
    return [one for one in found if not one.relative_to(CORE).as_posix().startswith(NOT_SEEN)]


def errors(rooms: list["Module"]) -> set[str]:
    """Names of the classes that are told to a person."""
    bases = {name: parents for one in rooms for name, parents in one.classes.items()}
    known = {ERROR}
    for _ in bases:
        known |= {name for name, parents in bases.items() if parents & known}
    return known


def numbered(text: str) -> str:
    """Gaps that touch are one; each gets its number."""
    text = re.sub(f"({ANY})+", ANY, text)
    parts = re.split(f"{GAP}([^{END}]*){END}", text)
    gaps = [f"{{{k}:{separator}}}" if separator else f"{{{k}}}" for k, separator in enumerate(parts[1::2])]
    return "".join(part + gap for part, gap in zip(parts[::2], [*gaps, ""], strict=True))


def spoken(template: str) -> bool:
    """Whether there is something to translate."""
    return bool(re.search(r"[a-z]{2}", re.sub(r"\{\d+[^}]*\}", "", template))) and template not in NOT_TOLD


class Module:
    """One file of the source."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.nodes = list(ast.walk(self.tree))
        self.scopes = [node for node in self.nodes if isinstance(node, ast.FunctionDef)]
        self.functions = {node.name: node for node in self.scopes}
        self.classes = {
            node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
            for node in self.nodes
            if isinstance(node, ast.ClassDef)
        }
        self.parts: set[str] = set()

    def texts(self, told: set[str]) -> set[str]:
        """Templates with unnumbered gaps. told: names of exceptions."""
        found: set[str] = set()
        for scope in (self.tree, *self.scopes):
            for node in inside(scope):
                found.update(text for one in self._sites(node, scope, told) for text in self._values(one, scope))
        return found | self.parts

    def _sites(self, node: ast.AST, scope: ast.AST, told: set[str]) -> Iterator[ast.expr]:
        """Expressions that are told: those of errors and notes, and whatever else ends as a sentence does."""
        if isinstance(node, ast.Call) and node.args:
            holder, _, name = ast.unparse(node.func).rpartition(".")
            added = name == "append" and holder in LISTS
            if name in told or added or (name == "__init__" and self._is_told(node, told)):
                yield node.args[0]
        elif isinstance(node, ast.Assign | ast.keyword) and isinstance(node.value, ast.Constant):
            if "licence" in (names(node) if isinstance(node, ast.Assign) else [node.arg]):
                yield node.value
        elif isinstance(node, ast.Return) and node.value is not None:
            if isinstance(scope, ast.FunctionDef) and scope.name in PROPERTIES:
                yield node.value
        elif isinstance(node, ast.JoinedStr | ast.Constant) and is_sentence(node) and not self._is_fragment(node):
            yield node

    def _is_told(self, node: ast.AST, told: set[str]) -> bool:
        classes = [one for one in self.nodes if isinstance(one, ast.ClassDef) and one.name in told]
        return any(node is other for one in classes for other in ast.walk(one))

    def _is_fragment(self, node: ast.AST) -> bool:
        """Whether it is a part of an f-string; or a docstring."""
        holders = [one for one in self.nodes if isinstance(one, ast.JoinedStr | ast.Expr)]
        return any(node in (one.values if isinstance(one, ast.JoinedStr) else [one.value]) for one in holders)

    def _values(self, node: ast.expr, scope: ast.AST) -> list[str]:
        """What an expression may come to; what is not text is a gap."""
        if isinstance(node, ast.Constant):
            return [node.value if isinstance(node.value, str) else ANY]
        if isinstance(node, ast.JoinedStr):
            return joined(self._values(one, scope) for one in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._values(node.value, scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return joined(self._values(one, scope) for one in (node.left, node.right))
        if isinstance(node, ast.IfExp):
            return unique([*self._values(node.body, scope), *self._values(node.orelse, scope)])
        if isinstance(node, ast.BoolOp):
            return unique([text for one in node.values for text in self._values(one, scope)])
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple):
            return unique([text for one in node.value.elts for text in self._values(one, scope)])
        if isinstance(node, ast.Name):
            return self._named(node.id, scope)
        if isinstance(node, ast.Call):
            return self._called(node, scope)
        return [ANY]

    def _named(self, name: str, scope: ast.AST) -> list[str]:
        """A variable that is set once stands for its text; one that is set in several ways is a gap, and so are
        constants, which several sentences share: their texts are translated by themselves."""
        given = [node.value for node in inside(scope) if isinstance(node, ast.Assign) and names(node) == [name]]
        if len(given) == 1 and scope is not self.tree:
            return self._values(given[0], scope)
        given = given or (self._arguments(scope, name) if name in PARAMETERS else self.constant(name))
        self.parts.update(
            text for one in given for text in self._values(one, scope) if " " in text or name in PARAMETERS
        )
        return [ANY]

    def _arguments(self, scope: ast.AST, name: str) -> list[ast.expr]:
        """What is given for a parameter of a method in this file."""
        assert isinstance(scope, ast.FunctionDef)
        place = [one.arg for one in scope.args.args].index(name) - 1
        calls = [one for one in self.nodes if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
        return [one.args[place] for one in calls if one.func.attr == scope.name]

    def constant(self, name: str) -> list[ast.expr]:
        """What a constant of this file, or one that it imports, is set to."""
        for node in inside(self.tree):
            if isinstance(node, ast.Assign) and names(node) == [name]:
                return [node.value]
            if isinstance(node, ast.ImportFrom) and node.level and name in [one.name for one in node.names]:
                folder = self.path.parents[node.level - 1] / (node.module or "").replace(".", "/")
                file = folder.with_suffix(".py") if folder.with_suffix(".py").is_file() else folder / "__init__.py"
                return Module(file).constant(name)
        return []

    def _called(self, node: ast.Call, scope: ast.AST) -> list[str]:
        callee = node.func
        if isinstance(callee, ast.Attribute) and callee.attr == "join" and isinstance(callee.value, ast.Constant):
            separator = callee.value.value
            made = node.args[0]
            items = self._values(made.elt, scope) if isinstance(made, ast.GeneratorExp) else [ANY]
            if not separator:
                return ["", *items]
            self.parts.update(items)
            return [GAP + separator + END]
        if isinstance(callee, ast.Name) and callee.id in self.functions:
            function = self.functions[callee.id]
            given = [one.value for one in inside(function) if isinstance(one, ast.Return) and one.value is not None]
            self.parts.update(text for one in given for text in self._values(one, function) if " " in text)
        return [ANY]


def inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function, or of a module, without those of the functions in it; the outer parts first."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef):
            yield from inside(node)


def is_sentence(node: ast.JoinedStr | ast.Constant) -> bool:
    """Whether it begins and ends as a sentence does."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(one.value) if isinstance(one, ast.Constant) else GAP for one in parts)
    return " " in text and text.endswith(".") and (text[0].isupper() or text[0] == GAP)


def names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def joined(parts: Iterator[list[str]]) -> list[str]:
    return unique(["".join(chosen) for chosen in product(*parts)])


def unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))
