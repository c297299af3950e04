"""What the image is built from, how it is run, and whether it says of itself what is true."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.dockerfile import Config, NotUnderstood, Stage, config_of, is_ignored, stages_of
from deploy.ready import place
from scraper.store import posts
from scraper.store.database import Database
from tests.faults.crew import Crew, WorkerProcess, until
from tidegate.settings import JOBS, Settings

ROOT = Path(__file__).parents[2]
READY = ROOT / "deploy" / "ready.py"
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return stages_of((ROOT / "Dockerfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def image(stages: list[Stage]) -> Config:
    return config_of(stages[-1])


def commands(stage: Stage) -> str:
    return "\n".join(step.rest for step in stage.steps if step.name == "RUN")


def test_all_that_is_installed_from_an_index_is_locked(stages: list[Stage]) -> None:
    installs = [one for stage in stages for one in re.findall(r"/pip [^&\n]*", commands(stage))]
    assert len(installs) == 4
    for one in installs:
        from_lock = re.search(r"--require-hashes -r (\S+)", one)
        assert "--no-index" in one or (from_lock and (ROOT / from_lock[1]).is_file() and "--only-binary :all:" in one)


def test_the_base_is_an_argument_that_a_release_can_pin() -> None:
    pinned = "python:3.13-slim-bookworm@sha256:" + "0" * 64
    stages = stages_of((ROOT / "Dockerfile").read_text("utf-8"), {"BASE": pinned})
    assert {stage.base for stage in stages} == {pinned}


def test_nothing_to_build_with_is_in_the_last_stage(stages: list[Stage]) -> None:
    assert "binutils" in commands(stages[0])
    assert not re.search(r"\bpip\b|gcc|binutils|build-essential", commands(stages[-1]))
    assert [step.words for step in stages[-1].steps if step.name == "COPY"] == [["/opt/tidegate", "/opt/tidegate"]]
    assert "venv --without-pip /opt/tidegate" in commands(stages[0])


def test_it_runs_as_a_user_by_number_below_an_init_and_writes_to_volumes_only(image: Config) -> None:
    assert image.user == "10001:10001"
    assert (image.entrypoint[:2], image.command, image.stop_signal) == (["tini", "--"], ["serve"], "SIGTERM")
    assert image.volumes == [image.environment["TIDEGATE_DATA_DIR"], "/tmp"]  # noqa: S108 the image's
    assert image.folder == image.environment["TIDEGATE_DATA_DIR"]


def test_what_it_sets_are_settings(image: Config) -> None:
    named = [name for name in image.environment if name.startswith("TIDEGATE_")]
    assert {name.removeprefix("TIDEGATE_").lower() for name in named} <= set(Settings.model_fields)
    assert Settings.model_fields["drain_seconds"].default < grace(compose()["services"]["worker"])


def test_its_health_check_asks_where_its_dashboard_listens(stages: list[Stage], image: Config) -> None:
    assert image.health is not None
    *python, script = image.health.command
    assert python == ["/opt/tidegate/bin/python", "-I", "-S"]
    copied = [step.words for step in stages[0].steps if step.name == "COPY" and step.words[-1] == script]
    assert copied == [["deploy/ready.py", script]]
    assert place(image.environment["TIDEGATE_DASHBOARD"]) == ("127.0.0.1", 8710)
    assert image.health.start_period_seconds >= 60


def test_what_is_copied_is_let_through_and_secrets_and_tests_are_not(stages: list[Stage]) -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8")
    copied = [step for step in stages[0].steps if step.name == "COPY"]
    for name in [name for step in copied for name in step.words[:-1]]:
        assert (ROOT / name).exists()
        assert not is_ignored(name, rules)
    for name in (
        "tests/conftest.py",
        ".git/config",
        "secrets/database_password",
        "tidegate.toml",
        ".venv/bin/python",
    ):
        assert is_ignored(name, rules), name
    assert is_ignored("tidegate/__pycache__/cli.cpython-311.pyc", rules)
    assert not is_ignored("tidegate/cli.py", rules)


@pytest.mark.parametrize(
    "text",
    (
        "RUN true",
        "FROM a\nADD b c",
        "FROM a\nARG B",
        "FROM ${B}",
        "FROM --platform=x a",
        "FROM a b",
        "FROM a\nRUN --mount=type=cache true",
        "FROM a\nENV A=$B",
        "FROM a\nHEALTHCHECK --interval=soon CMD true",
        "FROM a\nHEALTHCHECK NONE",
        "FROM a\nCMD [1]",
    ),
)
def test_what_is_not_read_of_a_dockerfile_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstood):
        config_of(stages_of(text)[-1])


def test_a_comment_within_a_command_is_none_of_it() -> None:
    [stage] = stages_of("FROM a\nRUN one \\\n# why\n    && two\nCMD three")
    assert commands(stage) == "one && two"
    assert config_of(stage).command == ["/bin/sh", "-c", "three"]


def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def kubernetes() -> Any:
    return yaml.safe_load((ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8"))


def grace(service: Any) -> int:
    return int(str(service["stop_grace_period"]).removesuffix("s"))


def mounted(service: Any) -> list[str]:
    return [one if isinstance(one, str) else one["target"] for one in service["secrets"]]


@pytest.mark.parametrize("name", ("worker", "database"))
def test_each_service_of_compose_has_limits_and_no_rights(name: str) -> None:
    service = compose()["services"][name]
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["pids_limit"] > 0
    assert "privileged" not in service
    # Its init is in the image.
    assert "init" not in service


def test_compose_hands_the_password_as_a_file_and_nowhere_else() -> None:
    stack = compose()
    worker, database = stack["services"]["worker"], stack["services"]["database"]
    [target] = mounted(worker)
    assert target.removeprefix("tidegate_") in Settings.model_fields
    assert {"POSTGRES_PASSWORD_FILE": f"/run/secrets/{mounted(database)[0]}"}.items() <= database[
        "environment"
    ].items()
    assert set(stack["secrets"]) == {"database_password"}
    assert "trust" not in str(stack)
    assert re.search(r"://\w+@", worker["environment"]["TIDEGATE_DATABASE_URL"])


def test_compose_writes_to_volumes_that_the_image_has(image: Config) -> None:
    worker = compose()["services"]["worker"]
    assert [volume.split(":")[1] for volume in worker["volumes"]] == [image.environment["TIDEGATE_DATA_DIR"]]
    # On disk: what is written there must not count as memory.
    assert "tmpfs" not in worker


def test_kubernetes_probes_what_is_there_and_lets_it_drain(image: Config) -> None:
    pod = kubernetes()["spec"]["template"]["spec"]
    [worker] = pod["containers"]
    given = {one["name"]: one["value"] for one in worker["env"]}
    port = place(given["TIDEGATE_DASHBOARD"])[1]
    assert worker["ports"] == [{"name": "dashboard", "containerPort": port}]
    for probe in ("startupProbe", "livenessProbe"):
        assert worker[probe]["httpGet"] == {"path": "/healthz", "port": "dashboard"}
    assert image.health is not None
    assert worker["readinessProbe"]["exec"]["command"] == image.health.command
    assert pod["terminationGracePeriodSeconds"] > Settings.model_fields["drain_seconds"].default
    # Longer than the watchdog of the program itself.
    assert worker["livenessProbe"]["periodSeconds"] * worker["livenessProbe"]["failureThreshold"] > 60


def test_kubernetes_has_limits_and_no_rights_and_writes_to_disk_only(image: Config) -> None:
    pod = kubernetes()["spec"]["template"]["spec"]
    [worker] = pod["containers"]
    assert worker["resources"]["requests"]["memory"] == worker["resources"]["limits"]["memory"] == "512Mi"
    assert worker["securityContext"]["readOnlyRootFilesystem"] is True
    assert worker["securityContext"]["allowPrivilegeEscalation"] is False
    assert worker["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == image.user
    places = {one["mountPath"]: one["name"] for one in worker["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert all("medium" not in volumes[places[path]]["emptyDir"] for path in image.volumes)
    given = {one["name"]: one["value"] for one in worker["env"]}
    assert "secret" in volumes[places[given["TIDEGATE_SECRETS_DIR"]]]
    assert {name.removeprefix("TIDEGATE_").lower() for name in given} <= set(Settings.model_fields)


def test_the_keys_that_kubernetes_is_told_to_keep_are_settings() -> None:
    text = (ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8")
    keys = re.findall(r"--from-literal=tidegate_(\w+)=", text)
    assert set(keys) == {"database_url", "dashboard_token"} <= set(Settings.model_fields)


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (ROOT / "deploy" / "tidegate.service").read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_has_a_limit_lets_it_drain_and_leaves_the_sandbox_alone() -> None:
    found = unit()
    assert found["MemoryMax"] == ["512M"]
    assert "MemoryHigh" not in found
    assert found["KillMode"] == ["mixed"]
    assert int(found["TimeoutStopSec"][0]) > Settings.model_fields["drain_seconds"].default
    assert not {"PrivateUsers", "RestrictNamespaces", "MemoryDenyWriteExecute", "RootDirectory"} & set(found)
    given = dict(pair.split("=", 1) for line in found["Environment"] for pair in line.split())
    named = {name.removeprefix("TIDEGATE_").lower() for name in given if name.startswith("TIDEGATE_")}
    assert named <= set(Settings.model_fields)
    assert given["TIDEGATE_SECRETS_DIR"] == "%d"
    # Of a folder systemd makes credentials tidegate_NAME, which is what settings are called.
    assert found["LoadCredential"][0].startswith("tidegate:/")


def ask(address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 our own command
        [sys.executable, "-I", "-S", READY],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={"TIDEGATE_DASHBOARD": address},
    )


@pytest.fixture
def crew(open_folder: Path, chromium: Path) -> Iterator[Callable[..., Crew]]:
    made: list[Crew] = []

    def make(dsn: str | None = None, **settings: str) -> Crew:
        made.append(Crew(dsn, open_folder / f"ready-{len(made)}-{os.urandom(3).hex()}", **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()


async def address_of(serving: WorkerProcess) -> str:
    async def said() -> str | None:
        told = [str(event["url"]) for event in serving.events("dashboard.ready")]
        return urlsplit(told[0]).netloc if told else None

    return str(await until("the dashboard says where it is", said))


@pytest.mark.browser
@pytest.mark.processes
async def test_the_health_check_is_well_once_a_page_has_loaded_without_knowing_the_token_and_ill_after_the_end(
    crew: Callable[..., Crew],
) -> None:
    serving = crew(dashboard="127.0.0.1:0", dashboard_token="hunter2").start("serve")
    where = await address_of(serving)

    async def is_well() -> bool:
        return ask(where).returncode == 0

    await until("it is ready", is_well)
    assert re.search(r"ok +browser: 1 pages opened", ask(where).stdout)
    serving.send(signal.SIGTERM)
    assert await serving.ended() == 0
    gone = ask(where)
    assert (gone.returncode, where in gone.stdout) == (1, True)


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
async def test_the_health_check_is_ill_and_says_why_when_posts_are_not_read(
    crew: Callable[..., Crew], migrated_dsn: str
) -> None:
    async with Database(migrated_dsn) as database:
        await posts.follow(database, "demo", [("1", "http://127.0.0.1:1/p/1")])
        await database.pool.execute("update posts set due_at = now() - interval '5 hours'")
    rules = json.dumps(dict.fromkeys(JOBS, "off"))
    serving = crew(migrated_dsn, dashboard="127.0.0.1:0", schedules=rules).start("serve")
    where = await address_of(serving)

    async def says_why() -> bool:
        asked = ask(where)
        assert asked.returncode == 1
        return bool(re.search(r"ok +browser", asked.stdout))

    await until("all else is well", says_why)
    assert "1 posts should have been read" in ask(where).stdout
    serving.send(signal.SIGTERM)
    assert await serving.ended() == 0


@pytest.mark.processes
@pytest.mark.parametrize("given", ("off", "127.0.0.1:", "nowhere.invalid:1"))
def test_the_health_check_is_ill_where_there_is_nobody_to_ask(given: str) -> None:
    asked = ask(given)
    assert (asked.returncode, given in asked.stdout, asked.stderr) == (1, True, "")


@pytest.mark.parametrize(
    ("listens", "is_asked"),
    (("0.0.0.0:8710", ("127.0.0.1", 8710)), ("[::]:1", ("::1", 1)), ("[::1]:2", ("::1", 2)), ("a.b:3", ("a.b", 3))),
)
def test_who_listens_everywhere_is_asked_on_this_machine(listens: str, is_asked: tuple[str, int]) -> None:
    assert place(listens) == is_asked
