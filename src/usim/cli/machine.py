"""`usim bench`, `usim doctor`, `usim completion`: the machine and the installation."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from usim.cli.command import command
from usim.cli.output import (
    check_file,
    columns,
    force_option,
    heading,
    json_option,
    number,
    print_json,
    size,
    span,
    write_file,
)

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


SCALING_FILE = "usim_scaling.png"


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
@click.option(
    "--scaling",
    is_flag=True,
    help="How cost grows with images, limbs, microphones, carriers and duration: a table and a picture.",
)
@click.option(
    "--peers", is_flag=True, help="Other simulators beside usim: a source that moves in free air."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"The picture that --scaling makes. Default: {SCALING_FILE}, in this folder",
)
@force_option
def bench_command(
    as_json: bool,
    workloads: tuple[str, ...],
    runs: int,
    scaling: bool,
    peers: bool,
    output: str | None,
    force: bool,
) -> None:
    """Measure the speed of this machine.

    All workloads, which takes minutes; with --scaling or --peers these, and the workloads that are named.
    """
    from usim import bench
    from usim.bench.machine import machine

    if output is not None and not scaling:
        raise click.UsageError("-o names the picture of --scaling, which is not asked for")
    target = output or SCALING_FILE
    if scaling:
        check_file(target, force)
    result: dict[str, Any] = {"machine": machine()}
    if workloads or not (scaling or peers):
        result = bench.run(workloads or None, runs)
    if scaling:
        from usim.bench.scaling import measured as grown

        result["scaling"] = grown(runs)
        _draw(result, target, force)
    if peers:
        from usim.bench.peers import measured as beside

        result["peers"] = beside(runs)
    if as_json:
        print_json(result)
        return
    for line in _bench_lines(result, target):
        click.echo(line)


def _draw(result: dict[str, Any], target: str, force: bool) -> None:
    from usim.report.scaling import png

    found, rows = result["machine"], result["scaling"]
    one = next(iter(rows.values()))
    stretch_s = next((row["stretch_s"] for row in rows.values() if row["stretch_s"]), None)
    sound = "" if stretch_s is None else f"; {stretch_s:g} s of sound, but for duration"
    words = f"{found['processor']}, one core of {found['cores']}; medians of {one['runs']}{sound}"
    write_file(target, png(rows, words), force)


def _bench_lines(result: dict[str, Any], target: str) -> list[str]:
    """Return everything that was measured, for people."""
    found = result["machine"]
    lines = [f"{found['processor']}, {found['cores']} cores, load {found['load_1_min']:.1f}"]
    for name, row in result.get("workloads", {}).items():
        lines += _workload_lines(name, row)
    if "scaling" in result:
        from usim.report.scaling import HEADER, cells

        rows = [list(cells(name, row)) for name, row in result["scaling"].items()]
        lines += [
            heading("scaling") + ": cost grows as the count to the power of the exponent",
            *columns([list(HEADER), *rows]),
            f"  picture: {target}",
        ]
    if "peers" in result:
        lines += _peer_lines(result["peers"])
    return lines


def _peer_lines(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table of simulators side by side."""
    table = [["", "times real time", "at", "residual", "usim's residual at", "times real time there", ""]]  # fmt: skip
    for name, row in rows.items():
        if "missing" in row:
            continue
        table.append([name, number(row["times_real_time"]), _rate(row["rate_hz"], row["rate_of"]),
                      f"{round(row['residual_db'], 1) + 0.0:.1f} dB", *_reached(name, row), row["says"]])  # fmt: skip
    return [
        heading("peers") + ": a point source of 40 kHz passes at 1.5 m/s, in free air, one microphone; residual against the closed form",
        *columns(table),
        "  where usim's residual was not reached, the rate is extrapolated from how the residual falls with the rate",
        *(f"  {row['missing']}" for row in rows.values() if "missing" in row),
    ]  # fmt: skip


def _rate(rate_hz: float, of: str) -> str:
    return f"{rate_hz:,.0f} {of}/s"


def _reached(name: str, row: dict[str, Any]) -> list[str]:
    if name == "usim":
        return ["", ""]
    if row["needed_rate_hz"] is None:
        return ["at no rate", "-"]
    least = "at least " if row["at_least"] else ""
    return [
        least + _rate(float(f"{row['needed_rate_hz']:.2g}"), row["rate_of"]),
        number(row["needed_times_real_time"], 2),
    ]


def _workload_lines(name: str, row: dict[str, Any]) -> list[str]:
    """Return the table of one workload."""
    counts = row["counts"]
    many = ", ".join(
        f"{value} {key.replace('_', ' ')}" for key, value in counts.items() if key != "duration_s"
    )
    lines = (
        _rendered_lines if "parts" in row else _unit_lines if "further_s" in row else _night_lines
    )
    body = lines(row)
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
            ["  processor time", "", _three(row, "flac_processor_s")],
            ["startup", "", _three(row, "startup_s")],
            ["peak memory", f"{row['peak_mib']:.0f} MiB"],
        ]
    )  # fmt: skip
    lines.append(
        "  parts: " + ", ".join(f"{key} {value:.3f} s" for key, value in row["parts"].items())
    )
    if "alone" in row:
        each = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in row["alone"].items())
        lines.append(f"  alone, for a second of baseband: {each}")
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


def _night_lines(row: dict[str, Any]) -> list[str]:
    """Return the lines of the workload that streams."""
    return columns(
        [
            ["peak memory", f"{row['peak_mib']:.0f} MiB"],
            ["growth", f"{row['growth_mib_per_hour']:.1f} MiB an hour"],
            ["after the night", f"{row['night_mib']:.0f} MiB, extrapolated"],
            ["audio and baseband", f"{row['times_real_time']:.1f} times real time, of processor time"],
        ]
    )  # fmt: skip


def _pays(units: int | None) -> str:
    return "never" if units is None else f"from {units} units on"


def _unit_lines(row: dict[str, Any]) -> list[str]:
    """Return the lines of the workload of many units."""
    return columns(
        [
            ["processor time", "", "min / median / max"],
            ["one unit alone", "", _three(row, "first_s")],
            ["trace for all units", "", _three(row, "trace_s")],
            ["a further unit", f"1/{1.0 / row['further_share']:.1f} of one alone", _three(row, "further_s")],
            ["the one trace pays", _pays(row["pays_from_units"])],
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
