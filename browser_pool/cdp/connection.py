"""Commands and their answers over one line, and the sessions that share it.

A session speaks to one target: the browser, a page, a frame that lives in a process of its own. Each command is
answered once, or its session ends. Events that nobody listens to are dropped before they are parsed: a page announces
a hundred things for the three that matter.

There is no time limit here: whoever awaits has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from browser_pool.cdp.transport import MOST_BYTES, Transport
from browser_pool.errors import BrowserGone, PageCrashed, ScriptFailed
from browser_pool.line import CommandFailed, Listener

ANSWER = re.compile(rb'\{"id":(\d+)')
EVENT = re.compile(rb'\{"method":"([A-Za-z.]+)"')
"""Chromium writes the method of an event first. One that looks otherwise is parsed, and found out then."""


class Session:
    """A `Line` to one target. `id` is empty for the browser itself."""

    is_flat = True
    refusals: tuple[type[Exception], ...] = (CommandFailed,)

    def __init__(self, connection: Connection, session_id: str) -> None:
        self.id = session_id
        self._connection = connection
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._promises: set[asyncio.Future[Any]] = set()
        self._ended: BrowserGone | None = None

    async def send(self, method: str, **parameters: Any) -> Any:
        """See `Line.send`."""
        if self._ended is not None:
            raise type(self._ended)(*self._ended.args)
        answer = asyncio.get_running_loop().create_future()
        number = self._connection.send(self.id, method, parameters)
        self._waiting[number] = (method, answer)
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def tell(self, method: str, **parameters: Any) -> None:
        """See `Line.tell`."""
        if self._ended is None:
            with contextlib.suppress(BrowserGone):
                self._connection.send(self.id, method, parameters)

    def on(self, method: str, listener: Listener) -> Callable[[], None]:
        """See `Line.on`."""
        self._listeners[method].append(listener)
        self._connection.heed(method)
        return lambda: self._listeners[method].remove(listener)

    def child(self, session_id: str) -> Session:
        """See `Line.child`."""
        return self._connection.session(session_id)

    def promise(self) -> asyncio.Future[Any]:
        """A future for its caller to fulfil. When the target is gone, it fails as a command would."""
        promise: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._ended is not None:
            raise type(self._ended)(*self._ended.args)
        self._promises.add(promise)
        promise.add_done_callback(self._promises.discard)
        return promise

    def end(self, reason: BrowserGone) -> None:
        """The target is gone: whoever waits for an answer learns it now, and whoever asks later as well."""
        if self._ended is None:
            self._ended = reason
        waiting, self._waiting = self._waiting, {}
        for answer in (*(answer for _, answer in waiting.values()), *self._promises):
            if not answer.done():
                answer.set_exception(reason)
                # Whoever has given up waiting does not come for it.
                answer.exception()

    def take_answer(self, message: dict[str, Any]) -> None:
        """The answer to a command of this session has come."""
        method, answer = self._waiting.pop(message["id"], ("", None))
        if answer is None or answer.done():
            return
        error = message.get("error")
        if error is None:
            answer.set_result(message.get("result", {}))
        else:
            answer.set_exception(CommandFailed(f"{method}: {error.get('message', error)}"))

    def refuse_answer(self, number: int) -> None:
        """The answer to that command, if it is one of ours, is too large to be read."""
        method, answer = self._waiting.pop(number, ("", None))
        if answer is not None and not answer.done():
            said = f"what the page gave back has more than {MOST_BYTES >> 20} MiB"
            is_script = method.startswith("Runtime.")
            answer.set_exception(ScriptFailed(said) if is_script else CommandFailed(f"{method}: {said}"))

    def take_event(self, method: str, parameters: dict[str, Any]) -> None:
        """An event of this session has come."""
        for listener in tuple(self._listeners.get(method, ())):
            listener(parameters)


class Connection:
    """One line to one Chromium. `on_lost` is called once when it breaks."""

    def __init__(self, transport: Transport) -> None:
        self.on_lost: Callable[[], None] = lambda: None
        self.is_lost = False
        self.browser = Session(self, "")
        self._transport = transport
        self._sessions: dict[str, Session] = {"": self.browser}
        self._numbers = itertools.count(1)
        self._heeded = {b"Target.detachedFromTarget", b"Inspector.targetCrashed"}
        transport.on_message = self._take
        transport.on_oversized = self._take_oversized
        transport.on_lost = self._lose

    def session(self, session_id: str) -> Session:
        """The session that Chromium has announced under this name."""
        if session_id not in self._sessions:
            self._sessions[session_id] = Session(self, session_id)
        return self._sessions[session_id]

    def send(self, session_id: str, method: str, parameters: dict[str, Any]) -> int:
        """Put a command on the line and return its number. Raises `BrowserGone`."""
        if self.is_lost:
            raise BrowserGone("the connection to Chromium is lost")
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session_id:
            message["sessionId"] = session_id
        self._transport.send(json.dumps(message, separators=(",", ":")).encode())
        return number

    def heed(self, method: str) -> None:
        """Events of this name are parsed from now on."""
        self._heeded.add(method.encode())

    async def close(self) -> None:
        """Hang up."""
        await self._transport.close()
        self._lose()

    def _take(self, data: bytes) -> None:
        event = EVENT.match(data)
        if event is not None and event[1] not in self._heeded:
            return
        message = json.loads(data)
        session = self._sessions.get(message.get("sessionId", ""))
        if session is None:
            return
        if "id" in message:
            session.take_answer(message)
            return
        method, parameters = message["method"], message.get("params", {})
        session.take_event(method, parameters)
        if method == "Inspector.targetCrashed":
            session.end(PageCrashed("the page's renderer crashed"))
        elif method == "Target.detachedFromTarget":
            gone = self._sessions.pop(parameters["sessionId"], None)
            if gone is not None:
                gone.end(BrowserGone("the page has been closed"))

    def _take_oversized(self, beginning: bytes) -> None:
        """Somebody waits for it if it is an answer. An event that large tells us nothing."""
        if (answer := ANSWER.match(beginning)) is not None:
            for session in self._sessions.values():
                session.refuse_answer(int(answer[1]))

    def _lose(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        for session in self._sessions.values():
            session.end(BrowserGone("the browser is gone"))
        self.on_lost()
