"""Runs notebooks without ever waiting for an answer that has already come.

nbclient sleeps until its socket reports an answer of the kernel. A widget makes it
send a message at the same time, and sending can swallow that report: the answer is
there, the kernel is idle, and the cell waits until its time is up (nbclient's issue
312). So this client looks for itself, once a second.
"""

from collections.abc import Awaitable, Callable
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client import AsyncKernelClient
from nbclient import NotebookClient

LOOK_SECONDS = 1.0

GetMessage = Callable[..., Awaitable[dict[str, Any]]]


class PatientClient(NotebookClient):
    """A NotebookClient whose kernel's answers cannot be overlooked."""

    async def async_start_new_kernel_client(self) -> AsyncKernelClient:
        """Connect to the kernel, and look at its answers once a second from now on."""
        client = await super().async_start_new_kernel_client()
        channel = client.shell_channel
        channel.get_msg = looking_often(channel.get_msg)
        return client


def looking_often(get_message: GetMessage, seconds: float = LOOK_SECONDS) -> GetMessage:
    """The same function; a long wait becomes a row of waits of at most `seconds`.

    get_message(timeout) returns a message or raises queue.Empty, and sees what has come
    at the latest when it is called.
    """

    async def get_message_often(timeout: float | None = None) -> dict[str, Any]:
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            left = seconds if deadline is None else deadline - monotonic()
            try:
                return await get_message(timeout=max(0.0, min(seconds, left)))
            except Empty:
                if deadline is not None and monotonic() >= deadline:
                    raise

    return get_message_often
