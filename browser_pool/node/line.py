"""The DevTools protocol through Playwright: a session that it gives us, and the targets that one announces.

Playwright hands on the events of one session and not those of its children, so these are asked for in the older form
of the protocol, in which what a child says comes wrapped into events of its parent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from playwright.async_api import CDPSession, Error

from browser_pool.line import CommandFailed, Listener


class NodeLine:
    """A `Line` over a session of Playwright's."""

    is_flat = False
    refusals: tuple[type[Exception], ...] = (Error,)

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._children: dict[str, WrappedLine] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.on("Target.receivedMessageFromTarget", self._unwrap)

    async def send(self, method: str, **parameters: Any) -> Any:
        """See `Line.send`. Raises Playwright's own error, which its lane understands."""
        return await self._session.send(method, parameters)

    def tell(self, method: str, **parameters: Any) -> None:
        """See `Line.tell`."""
        task = asyncio.create_task(self._send_unless_gone(self._session.send(method, parameters)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on(self, method: str, listener: Listener) -> Callable[[], None]:
        """See `Line.on`."""
        self._session.on(method, listener)
        return lambda: self._session.remove_listener(method, listener)

    def child(self, session_id: str) -> WrappedLine:
        """See `Line.child`."""
        return self._children.setdefault(session_id, WrappedLine(self, session_id))

    async def _send_unless_gone(self, sending: Coroutine[Any, Any, Any]) -> None:
        # The page may close, or go elsewhere: then nobody wants the answer any more. Playwright's own order is kept,
        # because each task writes its command before the next one runs.
        try:
            await sending
        except Error:
            return

    def _unwrap(self, event: dict[str, Any]) -> None:
        child = self._children.get(event["sessionId"])
        if child is not None:
            child.take(json.loads(event["message"]))


class WrappedLine:
    """A `Line` to a child target, whose messages travel inside those of its parent."""

    is_flat = False
    refusals: tuple[type[Exception], ...] = (CommandFailed,)

    def __init__(self, parent: NodeLine | WrappedLine, session_id: str) -> None:
        self._parent = parent
        self._id = session_id
        self._numbers = itertools.count(1)
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._children: dict[str, WrappedLine] = {}
        self.on("Target.receivedMessageFromTarget", self._unwrap)

    async def send(self, method: str, **_parameters: Any) -> Any:
        """Not here: nobody waits for the answer of a child."""
        raise CommandFailed(f"{method}: only `tell` reaches a target inside another")

    def tell(self, method: str, **parameters: Any) -> None:
        """See `Line.tell`."""
        message = json.dumps({"id": next(self._numbers), "method": method, "params": parameters})
        self._parent.tell("Target.sendMessageToTarget", sessionId=self._id, message=message)

    def on(self, method: str, listener: Listener) -> Callable[[], None]:
        """See `Line.on`."""
        self._listeners[method].append(listener)
        return lambda: self._listeners[method].remove(listener)

    def child(self, session_id: str) -> WrappedLine:
        """See `Line.child`."""
        return self._children.setdefault(session_id, WrappedLine(self, session_id))

    def take(self, message: dict[str, Any]) -> None:
        """A message of this target has come."""
        for listener in tuple(self._listeners.get(message.get("method", ""), ())):
            listener(message.get("params", {}))

    def _unwrap(self, event: dict[str, Any]) -> None:
        child = self._children.get(event["sessionId"])
        if child is not None:
            child.take(json.loads(event["message"]))
