"""What a trial says: about the browser, the page, its fonts, and about a browser elsewhere."""

from __future__ import annotations

from memory import mib
from tidegate.doctor.chromium import NOT_NEEDED, advice_on_start
from tidegate.doctor.finding import Finding, failure, good, note
from tidegate.doctor.sandbox import judge_sandbox
from tidegate.doctor.trial import Trial

FONTS = "`apt-get install fonts-dejavu-core fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji`"


SEE = {
    "ChromiumNotFound": "See `chromium`.",
    "LimitTooLow": "See `room`.",
    "LeaseRefused": "See `room` and `memory`.",
    "NoScratch": "See `scratch`.",
    "OSError": "See `scratch`.",
    "PermissionError": "See `scratch`.",
    "FileNotFoundError": "See `scratch`.",
}


def judge_browser(trial: Trial | None) -> Finding:
    """Whether one was launched."""
    if trial is None:
        return good(NOT_NEEDED)
    if trial.launch_seconds is None:
        if trial.problem is None:
            return failure("not tried: there is no Chromium that starts", "See `chromium`.")
        advice = SEE.get(trial.error or "") or advice_on_start(trial.problem)
        return failure(f"no browser could be had: {trial.problem}", advice)
    return good(f"Chromium {trial.version} started in {trial.launch_seconds:.2f} s")


def judge_page(trial: Trial | None) -> Finding:
    """Whether a page was loaded, and what that took."""
    if trial is None:
        return good(NOT_NEEDED)
    if trial.launch_seconds is None:
        return failure("not tried: there is no browser", "See `browser`.")
    if trial.page_seconds is None:
        return failure(
            f"no page could be loaded: {trial.problem}",
            "The browser starts and can't work: see `room`, `processes` and `scratch`; `--verbose` tells more.",
        )
    details = []
    if trial.used_before_bytes is not None and trial.used_after_bytes is not None:
        before, after = mib(trial.used_before_bytes), mib(trial.used_after_bytes)
        details.append(f"memory used went from {before} before the browser to {after} with the page ({trial.limit})")
    held = f"; browser and page hold {mib(trial.held_bytes)}" if trial.held_bytes is not None else ""
    return good(f"a first page was there after {trial.page_seconds:.2f} s{held}", details=details)


def judge_trial_sandbox(trial: Trial | None) -> Finding:
    """Whether the sandbox of a browser on this machine is on."""
    if trial is None or trial.sandbox is None:
        return good(NOT_NEEDED)
    return judge_sandbox(trial.sandbox)


def judge_fonts(trial: Trial | None) -> Finding:
    """Which scripts are drawn. Text is read from the markup, so that only pictures of a page suffer."""
    if trial is None:
        return good(NOT_NEEDED)
    if not trial.scripts:
        return note("not known: no page was loaded")
    drawn = [name for name, is_drawn in trial.scripts.items() if is_drawn]
    missing = [name for name, is_drawn in trial.scripts.items() if not is_drawn]
    if not missing:
        return good(f"drawn: {', '.join(drawn)}")
    return note(
        f"drawn: {', '.join(drawn) or 'nothing'}; boxes in place of: {', '.join(missing)}",
        f"Posts are read all the same, only screenshots look odd. {FONTS}",
    )


def judge_remote(trial: Trial) -> Finding:
    """Whether a browser elsewhere does what one here would."""
    if trial.launch_seconds is None:
        return failure(
            f"no browser there: {trial.problem}",
            "See that it runs there, and that its address in TIDEGATE_BROWSERS is right.",
        )
    browser = f"Chromium {trial.version} answers after {trial.launch_seconds:.2f} s"
    if trial.page_seconds is None:
        return failure(f"{browser}, and no page could be loaded: {trial.problem}", "Restart it.")
    return good(f"{browser}, a first page was there after {trial.page_seconds:.2f} s")
