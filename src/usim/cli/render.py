"""`usim render` and `usim demo`: from a scene to recordings on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from usim.cli.command import command, complete_scene, current
from usim.cli.output import elapsing, force_option, message, progress, span, warning

DEMO = "sphere_passes"
KEEP = ("audio", "baseband", "stems", "truth", "plot")
QUALITIES = ("draft", "standard", "fine", "exact")
_LONG_S = 600.0  # what is estimated to take longer is said beforehand


class Seeds(click.ParamType):
    """`A:B`: the seeds A, A + 1, ... B - 1."""

    name = "A:B"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        found = re.fullmatch(r"(\d{1,18}):(\d{1,18})", value) if isinstance(value, str) else None
        if isinstance(value, range):
            return value
        if not found or int(found[1]) >= int(found[2]):
            self.fail(f"{value!r}: write A:B with A below B, as in 0:10 for the ten seeds 0 to 9")
        return range(int(found[1]), int(found[2]))


class Window(click.ParamType):
    """`A:B` in seconds; either may be left out."""

    name = "A:B"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        if not isinstance(value, str):
            return value
        number = r"(\d*\.?\d+(?:[eE][-+]?\d+)?|)"
        found = re.fullmatch(f"{number}:{number}", value)
        if not found:
            self.fail(f"{value!r}: write A:B in seconds, as in 2.5:4")
        start = float(found[1] or 0)
        end = float(found[2]) if found[2] else None
        if end is not None and not start < end:
            self.fail(f"{value!r}: the window must end after it starts")
        return start, end


class Keep(click.ParamType):
    """A list of parts, separated by commas."""

    name = "PART,..."

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = tuple(part.strip() for part in value.split(","))
        for part in parts:
            if part not in KEEP:
                self.fail(f"{part!r} is none of {', '.join(KEEP)}")
        return tuple(dict.fromkeys(parts))


@command("render")
@click.argument("scene", shell_complete=complete_scene)
@click.option("-o", "--output", required=True, metavar="DIR", help="The folder to make.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="The seed; else the scene's, else 0.",
)
@click.option("--seeds", type=Seeds(), help="One recording in DIR/seed_N for each seed A .. B-1.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PLACE=VALUE",
    help="Replace a value, as in devices.shelf.unit=7. Repeatable.",
)
@click.option(
    "--rate", type=click.IntRange(1), metavar="HZ", help="A sample rate of the profile's converter."
)
@click.option(
    "--quality", type=click.Choice(QUALITIES), help="How exact; else the scene's, else standard."
)
@click.option("--window", type=Window(), help="Only this part of the scene, in seconds.")
@click.option("--device", metavar="NAME", help="Only what this device hears.")
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(["flac", "wav"]),
    default="flac",
    show_default=True,
)
@click.option(
    "--keep", type=Keep(), default=",".join(KEEP), show_default=True, help="The parts to write."
)
@force_option
def render_command(
    scene: str,
    output: str,
    seed: int | None,
    seeds: range | None,
    settings: tuple[str, ...],
    rate: int | None,
    quality: str | None,
    window: tuple[float, float | None] | None,
    device: str | None,
    audio_format: str,
    keep: tuple[str, ...],
    force: bool,
) -> None:
    """Render a scene into recordings with their truth.

    SCENE is a file, or the name of a shipped scene. Prints the folder of every recording. Same scene, same seed: the same bytes.
    """  # fmt: skip
    if seed is not None and seeds is not None:
        raise click.UsageError("--seed and --seeds exclude each other")
    settings = (
        *settings,
        *([f"render.rate_hz={rate}"] if rate else []),
        *([f"render.quality={quality}"] if quality else []),
    )
    targets = {
        one: os.path.join(output, f"seed_{one}") if seeds else output for one in seeds or [seed]
    }
    render(scene, targets, settings, window, device, audio_format, keep, force)


@command("demo")
@click.option(
    "-o",
    "--output",
    default="usim_demo",
    show_default=True,
    metavar="DIR",
    help="The folder to make.",
)
@force_option
def demo_command(output: str, force: bool) -> None:
    """Render the shipped demo scene and say where the files are."""  # fmt: skip
    render(DEMO, {None: output}, (), None, None, "flac", KEEP, force)
    if current().quiet:
        return
    from usim.cli.output import columns

    click.echo(f"\n{DEMO} is rendered. Open first:")
    rows = [
        ["spectrogram.png", "what the device heard, the true Doppler over it, the room in plan"],
        ["observation/audio.flac", "the microphones, as a product would get them"],
        ["truth/labels.csv", "who moved, and when"],
        ["truth/scene.yaml", "the scene, every value drawn; renders to the same bytes"],
        ["recording.json", "versions, seeds, checksums"],
    ]
    shown = [[os.path.join(output, file), text] for file, text in rows]
    for line in columns([row for row in shown if os.path.exists(row[0])]):
        click.echo(line)
    click.echo(
        f"\nNext: usim describe {DEMO}; usim list; usim render {DEMO} --seed 8 -o {output}_8"
    )


def render(
    name: str,
    targets: dict[Any, str],
    settings: Sequence[str] = (),
    window: tuple[float, float | None] | None = None,
    device: str | None = None,
    audio_format: str = "flac",
    keep: tuple[str, ...] = KEEP,
    force: bool = False,
) -> None:
    """Render a scene once for each seed of `targets` (None: the scene's own) into the folder given for it."""
    import time

    from usim.cli.budget import paths, rate_hz
    from usim.recording.commit import check_target
    from usim.scene import load, too_long_for_files, too_much_for_files
    from usim.template.problem import InvalidInput

    for folder in targets.values():
        check_target(folder, force)
    template = load(name, paths=current().paths)
    first = next(iter(targets))
    scenes = {first: template.sample(first, settings)}
    lasts = _length_s(window, scenes[first])
    problem = too_long_for_files(lasts, force)
    if problem is None:
        found = paths(scenes[first], device)
        number = found["moving_pairs"] + found["static_paths"]
        problem = too_much_for_files(lasts, rate_hz(scenes[first]), number, force)
    if problem is not None:
        raise InvalidInput(problem)
    each_s = found["estimated"]["seconds"] * lasts / scenes[first].duration_s
    if each_s * len(targets) > _LONG_S:
        message(
            f"this takes about {span(each_s * len(targets))}; --window A:B renders a part, --quality draft a rougher one"
        )

    from usim.engine.simulate import simulate
    from usim.recording.store import write

    picture: Callable[[Any], bytes] | None = None
    if "plot" in keep:
        from usim.report.page import png

        picture = png
    for seed, folder in progress(targets.items(), len(targets), "clip", "rendering"):
        start = time.perf_counter()
        scene = scenes.pop(seed, None) or template.sample(seed, settings)
        with elapsing(each_s if len(targets) == 1 else 0.0, "rendering"):
            result = simulate(scene, window=_within(window, scene), device=device, keep=keep)
            write(result, folder, force, keep, audio_format, picture)
        click.echo(folder)
        _say_clipped(result)
        seconds = time.perf_counter() - start
        message(
            f"{folder}: seed {scene.seed}, {span(_length_s(window, scene))} of sound in {span(seconds)}"
        )


def _within(window: tuple[float, float | None] | None, scene: Any) -> tuple[float, float] | None:
    """Return the window in seconds, checked against the scene's end."""
    if window is None:
        return None
    from usim.template.problem import InvalidInput

    start, end = window[0], scene.duration_s if window[1] is None else window[1]
    if end > scene.duration_s or start >= end:
        raise InvalidInput(
            f"--window {start:g}:{end:g}: the scene lasts {scene.duration_s:g} s; stay within 0:{scene.duration_s:g}"
        )
    return start, end


def _length_s(window: tuple[float, float | None] | None, scene: Any) -> float:
    within = _within(window, scene)
    return float(scene.duration_s if within is None else within[1] - within[0])


def _say_clipped(result: Any) -> None:
    for recording in result.values() if isinstance(result, dict) else [result]:
        about = recording.metadata
        clipped = sum(about.clipped)
        if clipped:
            warning(
                f"{about.device}: {clipped} samples beyond the converter's full scale were clipped"
            )
