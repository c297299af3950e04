"""The same loop without Playwright, over the pipe of the DevTools protocol: what this machine can do at most.

Each worker has one page and goes on to the next address in it, waiting and reading in one evaluate, and nothing else:
no memory check, no judging what the page is. What is unwanted is blocked. A page that fails is given up and replaced;
a loop whose browser is gone ends. The pipe is Tidegate's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.task import Address, Record, Task, Telling, given
from browser_pool.cdp.connection import Connection, Session
from browser_pool.cdp.lane import REPLACED
from browser_pool.cdp.transport import PipeTransport
from browser_pool.chromium import sandbox_is_possible, switches
from browser_pool.errors import PageCrashed
from browser_pool.line import CommandFailed

ONCE = """(async () => {
    if (document.wasRead) await new Promise(() => {});
    document.wasRead = true;
    return (%s)(%s);
})()"""
"""A document that was read before is only still there: what waits in it ends with it, when the next one comes."""


class ScriptFailed(Exception):
    """What was run in the page threw."""


async def main() -> None:
    """Read all pages."""
    task, telling = given()
    todo = iter(task.addresses)
    with tempfile.TemporaryDirectory() as folder:
        arguments = switches(
            headed=False, sandbox=sandbox_is_possible(), profile=Path(folder) / "profile", limit_bytes=None
        )
        pipe = await PipeTransport.start(Path(task.executable), arguments, dict(os.environ))
        connection = Connection(pipe)
        try:
            await asyncio.gather(*(worker(task, telling, connection, todo) for _ in range(task.workers)))
        finally:
            await connection.close()
            await pipe.ended.wait()


async def worker(task: Task, telling: Telling, connection: Connection, todo: Iterator[Address]) -> None:
    """One page for all addresses, until it fails."""
    context, page = await _page(task, connection)
    for address in todo:
        posts = await _read(task, page, address)
        telling.tell(address, posts)
        if posts is None:
            connection.browser.tell("Target.disposeBrowserContext", browserContextId=context)
            context, page = await _page(task, connection)


async def _page(task: Task, connection: Connection) -> tuple[str, Session]:
    send = connection.browser.send
    context: str = (await send("Target.createBrowserContext"))["browserContextId"]
    target = (await send("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
    page = connection.session((await send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])
    await page.send("Network.enable")
    await page.send("Network.setBlockedURLs", urls=list(task.unwanted))
    return context, page


async def _read(task: Task, page: Session, address: Address) -> list[Record] | None:
    try:
        async with asyncio.timeout(task.page_seconds):
            await page.send("Page.navigate", url=address.url)
            return await _evaluate(page, ONCE % (task.wait_and_read, json.dumps(task.argument(address))))
    except (CommandFailed, PageCrashed, ScriptFailed, TimeoutError) as error:
        print(f"{address.url}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


async def _evaluate(page: Session, expression: str) -> list[Record] | None:
    while True:
        try:
            answer = await page.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        except CommandFailed as error:
            if not any(words in str(error) for words in REPLACED):
                raise
            # The document was only just on its way, and took the evaluation with it.
            continue
        if "exceptionDetails" in answer:
            raise ScriptFailed(answer["exceptionDetails"]["text"])
        posts: list[Record] | None = answer["result"].get("value")
        return posts


if __name__ == "__main__":
    asyncio.run(main())
