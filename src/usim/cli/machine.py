"""`usim bench`, `usim doctor`, `usim completion`: the machine and the installation."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from usim.cli.command import command
from usim.cli.output import columns, heading, json_option, print_json, size, span

PACKAGES = (
    "numpy", "scipy", "numba", "llvmlite", "pydantic", "PyYAML", "click", "tqdm", "matplotlib", "soundfile",
    "pyroomacoustics",
)  # fmt: skip


@command("doctor")
@json_option
def doctor_command(as_json: bool) -> None:
    """Check this installation, with a self-test of a second.

    Versions, threads, processor, kernel cache, disk space.
    """
    facts = _facts()
    if as_json:
        print_json(facts)
    else:
        for line in _lines(facts):
            click.echo(line)
    if not facts["self_test"]["passed"]:
        from usim.template.problem import EnvironmentProblem

        raise EnvironmentProblem(f"the self-test failed: {facts['self_test']['says']}")


def _facts() -> dict[str, Any]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from usim import __version__
    from usim.threads import VARIABLES

    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "usim": __version__,
        "package": os.path.dirname(os.path.dirname(__file__)),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "threads": {name: os.environ.get(name) for name in VARIABLES},
        "cpu": _cpu(),
        "cache": _cache(),
        "disk": _disk(),
        "terminal": sys.stderr.isatty(),
        "self_test": _self_test(),
    }


def _cpu() -> dict[str, Any]:
    """Return the processor's name, the cores this process may use, and the features numpy picks its loops by."""
    from numpy._core._multiarray_umath import __cpu_features__

    name = ""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            name = next(
                line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")
            )
    except (OSError, StopIteration):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    levels = ("SSE42", "AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
    return {
        "name": name,
        "cores": cores,
        "features": [level for level in levels if __cpu_features__.get(level)],
    }


def _cache() -> dict[str, Any]:
    from usim.physics.jit import CACHE_FOLDER

    kernels = sorted(CACHE_FOLDER.rglob("*.nbi")) if CACHE_FOLDER else []
    return {"folder": CACHE_FOLDER, "kernels": len(kernels)}


def _disk() -> dict[str, Any]:
    import shutil
    import tempfile

    return {
        "here_free_bytes": shutil.disk_usage(os.getcwd()).free,
        "here_writable": os.access(os.getcwd(), os.W_OK),
        "temporary": tempfile.gettempdir(),
        "temporary_free_bytes": shutil.disk_usage(tempfile.gettempdir()).free,
    }


def _self_test() -> dict[str, Any]:
    """Render 50 ms of the demo scene twice; return whether it was finite, not silent, and the same both times."""
    import time

    import numpy as np

    from usim.cli.render import DEMO

    start = time.perf_counter()
    try:
        from usim.engine.simulate import simulate
        from usim.scene import load

        scene = load(DEMO).sample()
        once, again = (
            _audio(simulate(scene, quality="draft", window=(0.0, 0.05))) for _ in range(2)
        )
    except Exception as error:
        return {
            "passed": False,
            "says": f"{type(error).__name__}: {error}",
            "seconds": time.perf_counter() - start,
        }
    says = (
        "rendered nothing" if once.size == 0
        else "rendered silence" if not np.any(once)
        else "two renders differ" if not np.array_equal(once, again)
        else "ok"
    )  # fmt: skip
    return {"passed": says == "ok", "says": says, "seconds": time.perf_counter() - start}


def _audio(result: Any) -> Any:
    """Return the samples of a recording, or of the first of several devices."""
    recording = next(iter(result.values())) if isinstance(result, dict) else result
    return recording.observation.audio


def _lines(facts: dict[str, Any]) -> list[str]:
    cpu, cache, disk, test = facts["cpu"], facts["cache"], facts["disk"], facts["self_test"]
    threads = set(facts["threads"].values())
    return [
        heading(f"usim {facts['usim']}"),
        *columns(
            [
                ["package", facts["package"]],
                ["python", f"{facts['python']} on {facts['platform']}"],
                ["processor", f"{cpu['name']}, {cpu['cores']} cores, {' '.join(cpu['features'])}"],
                ["threads", "1 everywhere" if threads == {"1"} else str(facts["threads"])],
                ["kernel cache", f"{cache['folder']}, {cache['kernels']} kernels" if cache["folder"] else
                 "no writable folder: kernels are compiled anew in every process"],
                ["disk here", f"{size(disk['here_free_bytes'])} free"
                 + ("" if disk["here_writable"] else ", not writable")],
                ["disk for temporary files", f"{size(disk['temporary_free_bytes'])} free in {disk['temporary']}"],
                ["self-test", f"{test['says']}, {span(test['seconds'])}"],
            ]
        ),
        heading("packages"),
        *columns([[name, version or "missing"] for name, version in facts["versions"].items()]),
    ]  # fmt: skip


@command("bench")
@json_option
@click.option(
    "--workload", "workloads", multiple=True, metavar="NAME", help="Only this one. Repeatable."
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Measure each figure so often.",
)
def bench_command(as_json: bool, workloads: tuple[str, ...], runs: int) -> None:
    """Measure the speed of this machine."""
    from usim import bench

    result = bench.run(workloads or None, runs)
    if as_json:
        print_json(result)
        return
    machine = result["machine"]
    click.echo(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_1_min']:.1f}"
    )
    for name, row in result["workloads"].items():
        for line in _workload_lines(name, row):
            click.echo(line)


def _workload_lines(name: str, row: dict[str, Any]) -> list[str]:
    """Return the table of one workload."""
    counts = row["counts"]
    many = ", ".join(
        f"{value} {key.replace('_', ' ')}" for key, value in counts.items() if key != "duration_s"
    )
    body = _rendered_lines(row) if "parts" in row else _unit_lines(row)
    title = heading(name) + f": {counts['duration_s']:g} s of sound; {many}"
    return [title, f"  {row['says']}", *body]


def _three(row: dict[str, Any], key: str) -> str:
    found = row["spread"][key]
    return f"{found['min']:.3f} / {found['median']:.3f} / {found['max']:.3f} s"


def _rendered_lines(row: dict[str, Any]) -> list[str]:
    """Return the lines of a workload that renders a scene."""
    lines = columns(
        [
            ["", "times real time", "min / median / max"],
            ["baseband in memory", f"{row['baseband_times_real_time']:.2f}", _three(row, "baseband_s")],
            ["  processor time", "", _three(row, "baseband_processor_s")],
            ["FLAC on disk", f"{row['flac_times_real_time']:.2f}", _three(row, "flac_s")],
            ["startup", "", _three(row, "startup_s")],
            ["peak memory", f"{row['peak_mib']:.0f} MiB"],
        ]
    )  # fmt: skip
    lines.append(
        "  parts: " + ", ".join(f"{key} {value:.3f} s" for key, value in row["parts"].items())
    )
    if "furnished" in row:
        lines.append(f"  among furniture it takes {row['furnished']:.2f} times as long")
    if "pyroomacoustics" in row:
        rival = row["pyroomacoustics"]
        lines += [
            f"  {row['versus_pyroomacoustics']:.0f} times as fast as pyroomacoustics ({rival['times_real_time']:.3f} times real time, extrapolated):",
            f"  {rival['says']};",
            f"  {rival['needed_rate_hz']:.0f} positions/s for {rival['residual_db']:.0f} dB, {1e3 * rival['seconds_per_position']:.1f} ms each",
        ]  # fmt: skip
    return lines


def _unit_lines(row: dict[str, Any]) -> list[str]:
    """Return the lines of the workload of many units."""
    return columns(
        [
            ["processor time", "", "min / median / max"],
            ["one unit alone", "", _three(row, "first_s")],
            ["trace for all units", "", _three(row, "trace_s")],
            ["a further unit", f"1/{1.0 / row['further_share']:.0f} of one alone", _three(row, "further_s")],
            ["all of them", f"{row['times_real_time']:.1f} times real time"],
        ]
    )  # fmt: skip


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: put `eval "$(usim completion bash)"` into ~/.bashrc.
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(root, {}, "usim", "_USIM_COMPLETE").source())
