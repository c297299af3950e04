"""The jobs that there are, made of what the program has and what is set."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import structlog

from jobs import Job, MetricsScraper, ReplyHarvester
from jobs.generators import Generators, OpenAIGenerator, OpenAISettings, TemplateGenerator, find_generators
from jobs.generators.protocol import Generator
from jobs.learn import Learner
from jobs.maintenance import Maintenance, Retention
from jobs.plan import Planner, PlanPolicy
from jobs.reply import ReplyDrafter, ReplyPolicy
from scraper.store.database import Database
from scraper.store.drafts import DailyLimits
from scraper.store.spending import DailyBudget
from tidegate.errors import BadSetting
from tidegate.program import Program
from tidegate.settings import Settings

log = structlog.get_logger()

WEIGHTS_BYTES = 256 * 1024


async def all_jobs(program: Program, database: Database) -> list[Job]:
    """Every job, on the schedule that is set for it, or its own."""
    settings, monitor = program.settings, program.guard.monitor
    generators = await _generators(settings, database)
    reading = (database, program.pool, program.visitor, program.definitions, monitor)
    jobs = [
        MetricsScraper(*reading, identity_of=program.identity_of).job,
        ReplyHarvester(
            *reading,
            policy=settings.scoring,
            posts_a_target=settings.posts_a_target,
            identity_of=program.identity_of,
        ).job,
        Learner(database, monitor, cache=program.guard.cache("weights", WEIGHTS_BYTES)).job,
        Planner(
            database,
            generators,
            monitor,
            policy=PlanPolicy(topics=settings.topics, posts_a_day=settings.planned_a_day),
        ).job,
        ReplyDrafter(
            database,
            generators,
            policy=ReplyPolicy(limits=DailyLimits(settings.drafts_a_day, settings.drafts_a_day_an_author)),
        ).job,
        Maintenance(database, keep=_retention(settings)).job,
    ]
    return [replace(job, schedule=settings.schedules.get(job.name, job.schedule)) for job in jobs]


def _retention(settings: Settings) -> Retention:
    days = settings.snapshots_days
    return Retention(
        snapshots=None if days is None else timedelta(days=days), history=timedelta(days=settings.history_days)
    )


async def _generators(settings: Settings, database: Database) -> Generators:
    file = settings.templates_file
    builtin: list[Generator] = [TemplateGenerator.load(file) if file else TemplateGenerator.builtin()]
    endpoint = _endpoint(settings)
    if endpoint is not None:
        budget = DailyBudget(database, "openai", requests=endpoint.requests_a_day, tokens=endpoint.tokens_a_day)
        builtin.append(OpenAIGenerator(endpoint, budget))
    found = await find_generators(builtin)
    for problem in found.problems:
        log.error("generator.unusable", problem=problem)
    return found


def _endpoint(settings: Settings) -> OpenAISettings | None:
    if settings.openai_url is None and settings.openai_model is None:
        return None
    if settings.openai_url is None or settings.openai_model is None:
        missing = "openai_url" if settings.openai_url is None else "openai_model"
        raise BadSetting(missing, None, "it is needed beside the other settings of the endpoint")
    key = settings.openai_key.get_secret_value() if settings.openai_key else None
    try:
        return OpenAISettings(
            settings.openai_url,
            settings.openai_model,
            key,
            timeout_seconds=settings.openai_timeout_seconds,
            requests_a_day=settings.openai_requests_a_day,
            tokens_a_day=settings.openai_tokens_a_day,
        )
    except ValueError as error:
        raise BadSetting("openai_url", None, str(error).rstrip(".")) from None
