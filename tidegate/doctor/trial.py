"""The proof: a browser launched by the pool that does the real work, and a page loaded in it.

The page comes from this process, over loopback; a browser elsewhere can't reach that and is handed it. Nothing goes
to the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from browser_pool import BrowserPoolError, Endpoint, LaunchFailed, Lease, PoolSettings, UnifiedBrowserPool
from browser_pool.events import BrowserLaunched, PoolEvent
from browser_pool.instrumentation.logs import log_event
from memory import MemoryGuard, MemorySafetyError, Role, total_bytes
from memory.processes import below
from tidegate.doctor.asking import aside
from tidegate.doctor.sandbox import Sandbox, confinement_of, look_at_sandbox

ITEMS = 100
PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tidegate doctor</title>
<p>A page to see whether pages load.</p>
<script>
for (let number = 0; number < {ITEMS}; number++)
    document.body.append(Object.assign(document.createElement("li"), {{textContent: number}}));
</script>
""".encode()

LOOK = r"""async () => {
    if (document.readyState !== "complete") await new Promise(done => addEventListener("load", done));
    const drawn = text => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 48;
        const pen = canvas.getContext("2d");
        pen.font = "32px sans-serif";
        pen.fillText(text, 4, 36);
        return canvas.toDataURL();
    };
    // A code point that no font has is drawn as the box that stands for what is missing.
    const nothing = [drawn(" "), drawn("\u{10FFFE}")];
    const samples = {
        Latin: "a", Greek: "\u03b1", Cyrillic: "\u0436", Arabic: "\u0639", Devanagari: "\u0905", Thai: "\u0e01",
        Chinese: "\u6f22", Japanese: "\u304b", Korean: "\ud55c", emoji: "\u{1F600}",
    };
    const scripts = {};
    for (const [name, text] of Object.entries(samples)) scripts[name] = !nothing.includes(drawn(text));
    return {items: document.querySelectorAll("li").length, scripts};
}"""


@dataclass(slots=True)
class Trial:
    """What became of one browser, filled in as it goes. None is what was not come to, or is not known here.

    `used_before_bytes` and `used_after_bytes` are what counted against `limit`, the innermost, before it was launched
    and with the page open. `held_bytes` is what the processes of the browser held then, in PSS.
    """

    endpoint: str
    is_local: bool
    launch_seconds: float | None = None
    version: str | None = None
    page_seconds: float | None = None
    scripts: dict[str, bool] | None = None
    limit: str | None = None
    used_before_bytes: int | None = None
    used_after_bytes: int | None = None
    held_bytes: int | None = None
    sandbox: Sandbox | None = None
    error: str | None = None
    problem: str | None = None

    def fail(self, error: Exception | None, problem: str) -> None:
        """Note what went wrong, and of which kind it is."""
        self.error, self.problem = type(error).__name__, problem

    def note(self, event: PoolEvent) -> None:
        """A hook of the pool."""
        if isinstance(event, BrowserLaunched):
            self.launch_seconds, self.version = event.seconds, event.version
            if self.sandbox is not None:
                self.sandbox = replace(self.sandbox, is_on=event.is_sandboxed)


async def untried(endpoint: Endpoint) -> Trial:
    """A trial before anything was tried, with what is known of the sandbox."""
    sandbox = await aside(look_at_sandbox) if endpoint.is_local else None
    return Trial(endpoint.name, endpoint.is_local, sandbox=sandbox)


async def try_browser(
    endpoint: Endpoint, settings: PoolSettings, guard: MemoryGuard, *, page_seconds: float, seconds: float
) -> Trial:
    """Have the pool get a browser from `endpoint` and alone from there, and load a page. Raises nothing known."""
    trial = await untried(endpoint)
    _weigh_before(trial, guard)
    try:
        async with (
            asyncio.timeout(seconds),
            UnifiedBrowserPool(settings, guard=guard, hooks=(log_event, trial.note)) as pool,
            pool.lease(site="doctor", job="doctor", deadline=seconds) as lease,
        ):
            await _load(lease, trial, page_seconds)
            if endpoint.is_local:
                await _weigh_after(trial, guard, pool.browser.root_pid if pool.browser else None)
    except LaunchFailed as error:
        of_what = "" if error.executable == endpoint.name else f"{error.executable}: "
        trial.fail(error, f"{of_what}{error.detail}")
    except (BrowserPoolError, MemorySafetyError) as error:
        trial.fail(error, str(error))
    except TimeoutError as error:
        trial.fail(error, f"no answer in {seconds:g} s")
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        trial.fail(error, f"{error.strerror or type(error).__name__}{where}")
    return trial


async def _load(lease: Lease, trial: Trial, page_seconds: float) -> None:
    started_seconds = time.monotonic()
    async with _page(is_local=trial.is_local) as (address, saved_html):
        try:
            async with asyncio.timeout(page_seconds):
                await lease.open(address, timeout_seconds=page_seconds, saved_html=saved_html)
                seen = await lease.evaluate(LOOK)
        except TimeoutError as error:
            trial.fail(error, f"it did not answer in {page_seconds:g} s")
            return
    if seen["items"] != ITEMS:
        trial.fail(None, f"it came, and its script has made {seen['items']} of {ITEMS} items")
        return
    trial.page_seconds = time.monotonic() - started_seconds
    trial.scripts = seen["scripts"]


@contextlib.asynccontextmanager
async def _page(*, is_local: bool) -> AsyncIterator[tuple[str, bytes | None]]:
    """Where the page is, and its text where it must be handed over."""
    if not is_local:
        yield "http://doctor.invalid/", PAGE
        return
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", None
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + PAGE)
        await writer.drain()
    writer.close()


def _weigh_before(trial: Trial, guard: MemoryGuard) -> None:
    bounds = guard.monitor.check_memory().bounds
    if bounds:
        trial.limit, trial.used_before_bytes = bounds[0].source, bounds[0].used_bytes


async def _weigh_after(trial: Trial, guard: MemoryGuard, root_pid: int | None) -> None:
    same = [bound for bound in guard.monitor.check_memory().bounds if bound.source == trial.limit]
    trial.used_after_bytes = same[0].used_bytes if same else None
    if root_pid is None:
        return
    processes = below(await guard.monitor.process_tree(), root_pid)
    trial.held_bytes = total_bytes(processes)
    pages = [process.pid for process in processes if process.role is Role.RENDERER]
    if pages and trial.sandbox is not None:
        trial.sandbox = replace(trial.sandbox, page=confinement_of(pages[0]))
