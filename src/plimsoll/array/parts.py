"""How numba is kept from making machine code that nobody calls. No rule stands here.

numba optimises every function fully and makes machine code of it as soon as it is compiled, together with copies of all that
it calls: a function deep in a kernel goes through all of it once for each of its callers. A function without a way in from
Python or C needs none of that. It stays in intermediate form until a kernel that has one takes it in, and is optimised there;
should anybody ask for its address all the same, its machine code is made then. This halves the time to compile a rulebook.

Nothing of this changes a result: the same text is optimised, with the same freedoms.
"""

from typing import Any, Final

from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

WAYS_IN: Final = ("_ZN7cpython", "_ZN5cfunc")
"""What the names of the functions begin with that Python and C call."""
_NUMBAS: Any = JITCodeLibrary


class Library(JITCodeLibrary):
    """numba's library of one compiled function. `entered`: it has got a way in; `made`: there is machine code of it."""

    entered = False
    made = False

    def add_ir_module(self: Any, module: Any) -> None:
        """Take in what numba has written: the function itself, then its ways in."""
        self.entered = self.entered or any(not f.is_declaration and f.name.startswith(WAYS_IN) for f in module.functions)
        _NUMBAS.add_ir_module(self, module)

    def _optimize_final_module(self: Any) -> None:
        if self.entered:
            _NUMBAS._optimize_final_module(self)

    def _finalize_final_module(self: Any) -> None:
        read_from_disk = self._shared_module is not None
        if self.entered or read_from_disk:
            self.made = True
            _NUMBAS._finalize_final_module(self)
        else:
            self._finalized = True

    def get_pointer_to_function(self: Any, name: str) -> int:
        """The address of one of its functions, 0: it has none of that name."""
        self._ensure_finalized()
        if not self.made and any(f.name == name for f in self.get_defined_functions()):
            self._shared_module = self._get_module_for_linking().clone()
            self.entered = True
            self._optimize_final_module()
            self._finalize_final_module()
        return int(_NUMBAS.get_pointer_to_function(self, name))


def begin() -> None:
    """From now on numba compiles in this way."""
    codegen: Any = cpu_target.target_context.codegen()
    if codegen._library_class is Library:
        return
    set_own = codegen.set_env

    def set_env(name: str, env: Any) -> None:
        if codegen._engine.is_symbol_defined(name):  # a part has no place to keep it, and needs none
            set_own(name, env)

    codegen._library_class = Library
    codegen.set_env = set_env
