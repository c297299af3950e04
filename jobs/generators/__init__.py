"""generators: who writes drafts. Built-in ones, and plug-ins that are installed beside the program.

- `protocol`: what a generator is, what it is told, and what it raises
- `discovery`: finding them, whatever is wrong with one
- `asking`: asking them for a text, drawn by their weights
- `template`: templates as data; always there
- `openai`: an endpoint for chat completions; off unless it is set
"""

from jobs.generators.asking import Writers, Written
from jobs.generators.discovery import GROUP, Generators, find_generators
from jobs.generators.openai import OpenAIGenerator, OpenAISettings
from jobs.generators.protocol import (
    Brief,
    Conversation,
    DoesNotFit,
    Generator,
    GeneratorError,
    NotNow,
    TemplateMistake,
)
from jobs.generators.template import TemplateGenerator

__all__ = [
    "GROUP",
    "Brief",
    "Conversation",
    "DoesNotFit",
    "Generator",
    "GeneratorError",
    "Generators",
    "NotNow",
    "OpenAIGenerator",
    "OpenAISettings",
    "TemplateGenerator",
    "TemplateMistake",
    "Writers",
    "Written",
    "find_generators",
]
