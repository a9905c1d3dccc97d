"""The door to wasmtime: migration guests as WebAssembly core modules, ABI version 1, in a sandbox.

Nothing about documents, envelopes or schemas lives here: bytes go in, bytes come out, under limits that give the same
verdict on every machine. The envelope is ``core/envelope.py``; which module runs when is the engine's business.
"""

from versiqiid.adapters.wasm.limits import Limits
from versiqiid.adapters.wasm.runtime import WasmRuntime

__all__ = ["Limits", "WasmRuntime"]
