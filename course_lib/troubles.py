"""Which of PyTorch's errors mean too little memory, and which a missing compiler."""

import torch

# How PyTorch says on Linux, Windows, Macs and in CUDA's libraries that memory is short.
OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "ALLOC_FAILED",
)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was short, on a GPU or beside it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error) for words in OUT_OF_MEMORY
    )


def is_failed_compile(error: Exception) -> bool:
    """Whether torch.compile or what it calls raised this."""
    return type(error).__module__.startswith("torch._")


def first_line(error: Exception) -> str:
    """At most 100 letters of what the error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
