"""For mypy: `@task(…)` takes the options and the context of this project. The stubs know Django's own alone."""

from collections.abc import Callable

from mypy.nodes import ARG_NAMED_OPT, ImportFrom, MypyFile, TypeInfo, Var
from mypy.plugin import FunctionSigContext, Plugin
from mypy.types import CallableType, FunctionLike, Instance, Type, get_proper_type

TASK = "django.tasks.base.task"
DJANGO_CONTEXT = "django.tasks.base.TaskContext"
OPTIONS, CONTEXT = "tasks.options.DurableTask", "tasks.worker.context.DurableContext"


class TaskPlugin(Plugin):
    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Who imports Django's tasks is looked at after the modules of these two classes."""
        if not any(isinstance(each, ImportFrom) and each.id == "django.tasks" for each in file.imports):
            return []
        modules = [name.rpartition(".")[0] for name in (OPTIONS, CONTEXT)]
        return [(10, module, -1) for module in modules if module != file.fullname]

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        return self._signature if fullname == TASK else None

    def _signature(self, call: FunctionSigContext) -> CallableType:
        """One of the overloads, with the fields of DurableTask as options."""
        signature, options = call.default_signature, self._options()
        return signature.copy_modified(
            arg_types=[*map(self._with_context, signature.arg_types), *options.values()],
            arg_kinds=[*signature.arg_kinds, *(ARG_NAMED_OPT for _ in options)],
            arg_names=[*signature.arg_names, *options],
            ret_type=self._with_context(signature.ret_type),
        )

    def _options(self) -> dict[str, Type]:
        fields = [symbol.node for symbol in self._class(OPTIONS).names.values() if isinstance(symbol.node, Var)]
        return {each.name: each.type for each in fields if each.type and not each.name.startswith("_")}

    def _with_context(self, kind: Type) -> Type:
        """The same, where it is a function whose first argument is a context, or is such a function."""
        kind = get_proper_type(kind)
        if isinstance(kind, Instance) and kind.type.fullname == DJANGO_CONTEXT:
            return Instance(self._class(CONTEXT), [])
        if isinstance(kind, CallableType) and kind.arg_types:
            return kind.copy_modified(arg_types=[self._with_context(kind.arg_types[0]), *kind.arg_types[1:]])
        return kind

    def _class(self, name: str) -> TypeInfo:
        found = self.lookup_fully_qualified(name)
        assert found is not None
        assert isinstance(found.node, TypeInfo)
        return found.node


def plugin(version: str) -> type[Plugin]:
    return TaskPlugin
