"""What the workers of a storm are watched for: ends that nobody asked for, and what they leave or pile up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from tests.faults.crew import WorkerProcess
from tests.faults.storm_hits import Scene

MORE_DESCRIPTORS: Final = 24
"""More than this a worker may not hold at the end than when it was new: connections and pipes that come and go."""
LOUD: Final = frozenset({"error", "critical"})
LAST_WORDS: Final = 600


@dataclass(slots=True)
class Watch:
    """Looks at the workers of a scene; `troubles` is what should not be."""

    scene: Scene
    say: Callable[[str], None]
    troubles: list[str] = field(default_factory=list)
    _descriptors: dict[int, int] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)

    def trouble(self, words: str) -> None:
        """Write down what should not be."""
        self.troubles.append(words)
        self.say(f"! {words}")

    def look(self) -> None:
        """Note who has ended since the last look, and what is new."""
        for worker in self.scene.crew.workers:
            if worker.is_alive or worker.pid in self._ended or worker in self.scene.killed:
                continue
            self._ended.add(worker.pid)
            if worker in self.scene.drained and worker.code == 0:
                self.say(f"{worker.name} has drained")
            else:
                self.trouble(f"{worker.name} ended with {worker.code}: {worker.last_words()[-LAST_WORDS:]}")
        for worker in self.scene.workers:
            if worker.pid not in self._descriptors and worker.events("worker.ready"):
                with suppress(psutil.Error):
                    self._descriptors[worker.pid] = psutil.Process(worker.pid).num_fds()

    def look_at_descriptors(self) -> None:
        """Whether those that live hold more of them than when they were new."""
        for worker in self.scene.workers:
            before, now = self._descriptors.get(worker.pid), psutil.Process(worker.pid).num_fds()
            words = f"{worker.name} holds {now} file descriptors, and held {before} when it was new"
            if before is not None and now > before + MORE_DESCRIPTORS:
                self.trouble(words)
            else:
                self.say(words)

    def look_back(self) -> None:
        """What they said, once all of them have ended: what failed in a way that nobody foresaw, what was left."""
        left = {worker.name: _tasks_left(worker) for worker in self.scene.crew.workers if worker.code == 0}
        for name, tasks in left.items():
            if tasks is None:
                self.trouble(f"{name} has not said which tasks were left at its end")
            elif tasks:
                self.trouble(f"{name} left tasks: {', '.join(tasks)}")
        count = sum(len(tasks or ()) for tasks in left.values())
        self.say(f"asyncio tasks left by {len(left)} workers that ended in order: {count}")
        loud = Counter[str]()
        for worker in self.scene.crew.workers:
            for event in worker.said:
                loud[event["event"]] += event.get("level") in LOUD
                if "exception" in event:
                    last = event["exception"][-1]
                    self.trouble(f"{worker.name}: {event['event']}: {last['exc_type']}: {last['exc_value']}")
        self.say(f"errors said: {', '.join(f'{n} {event}' for event, n in (+loud).most_common()) or 'none'}")


def _tasks_left(worker: WorkerProcess) -> list[str] | None:
    said = worker.events("loop.ended")
    return said[-1]["tasks_left"] if said else None
