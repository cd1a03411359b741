"""Work in threads that a cancelled request waits for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def settled(
    function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> Result:
    """Run a function in a thread; who cancels this waits until it is done.

    So that nobody ends what a thread still works with.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *given, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(work)
        raise
