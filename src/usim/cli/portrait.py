"""How `describe` looks: the budget of a scene as text for people."""

from __future__ import annotations

from typing import Any

from usim.cli.crosstalk import crosstalk_lines
from usim.cli.output import columns, heading, number, size, span


def portrait(facts: dict[str, Any]) -> list[str]:
    """Return the lines that describe a scene, from what `budget.budget` says of it."""
    return [
        *_head(facts),
        "",
        *_room(facts),
        "",
        *_devices(facts),
        *crosstalk_lines(facts),
        *_movers(facts),
        *_echoes(facts),
        *_noises(facts),
        "",
        *_cost(facts),
        *(f"Note: {note}" for note in facts["notes"]),
    ]


def _head(facts: dict[str, Any]) -> list[str]:
    drawn = f"seed {facts['seed']}"
    share = facts.get("rejected")
    if share is not None and share["samples"] > 0:
        drawn += f", {100 * share['share']:.0f} % of {share['samples']} samples rejected"
        if share["checks"]:
            drawn += (
                " ("
                + ", ".join(
                    f"{check} {100 * part:.0f} %" for check, part in share["checks"].items()
                )
                + ")"
            )
    return [
        heading(facts["title"] or facts["name"]),
        f"  {facts['name']}: {facts['duration_s']:g} s, {facts['quality']}, {drawn}",
    ]


def _room(facts: dict[str, Any]) -> list[str]:
    room, air = facts["room"], facts["air"]
    extent = " x ".join(f"{side:.4g}" for side in room["size_m"])
    lines = [
        f"{heading('Room')}  {room['kind']} {extent} m, {number(room['volume_m3'])} m3; "
        f"T60 {number(1000 * room['t60_s'], 2)} ms (Eyring with air, mean absorption {room['mean_absorption']:.2f})",
        f"      air {air['temperature_c']:.3g} C, {number(air['humidity_percent'])} %: "
        f"{number(air['sound_speed_m_s'], 5)} m/s, {number(air['absorption_db_m'])} dB/m at {air['frequency_hz'] / 1000:g} kHz",
    ]
    rows = [["wall", "surface", "area", "absorbed", "scattered"]] + [
        [wall["name"], wall["surface"], f"{number(wall['area_m2'])} m2", f"{100 * wall['absorption']:.0f} %",
         f"{100 * wall['scattering']:.0f} %"]
        for wall in room["walls"]
    ]  # fmt: skip
    lines += columns(rows, "      ")
    if room["furniture"]:
        lines.append(f"      furniture: {', '.join(room['furniture'])}")
    return lines


def _devices(facts: dict[str, Any]) -> list[str]:
    lines = []
    for device in facts["devices"]:
        place = ", ".join(f"{value:.4g}" for value in device["position_m"])
        count = device["microphones"]
        does = (
            f"{count} microphone{'s' if count > 1 else ''}"
            if device["listens"]
            else "does not listen"
        )
        if device["carriers_hz"]:
            tones = ", ".join(f"{f / 1000:g}" for f in device["carriers_hz"])
            if "band_hz" in device:
                tones = " to ".join(f"{f / 1000:.3g}" for f in device["band_hz"])
            does += f"; emits {tones} kHz at {device['level_db_spl']:.3g} dB SPL"
        lines.append(
            f"{heading('Device')}  {device['name']}: {device['profile']}, unit {device['unit']}, at ({place}) m; {does}"
        )
    return lines


def _movers(facts: dict[str, Any]) -> list[str]:
    rows = []
    for mover in facts["movers"]:
        shifts = ", ".join(
            f"+-{number(shift)} Hz at {float(f) / 1000:g} kHz"
            for f, shift in mover["doppler_hz"].items()
        )
        pieces = "1 piece" if mover["pieces"] == 1 else f"{mover['pieces']} pieces"
        speed = f"up to {number(mover['speed_m_s'])} m/s"
        rows.append([mover["name"], mover["label"], pieces, speed, shifts])
    return [heading("Movers"), *columns(rows)] if rows else ["Nothing moves."]


def _echoes(facts: dict[str, Any]) -> list[str]:
    if not facts["echoes"]:
        return []
    rows = [["mover", "heard by", "nearest", "leak", "echo", "re leak", "over noise in 20 Hz"]]
    for echo in facts["echoes"]:
        noise = "no noise"
        if echo["echo_to_noise_db"] is not None:
            noise = (
                f"{echo['echo_to_noise_db']:.0f} dB (median {echo['echo_to_noise_median_db']:.0f})"
            )
        rows.append(
            [
                echo["mover"],
                f"{echo['device']} ({echo['profile']})",
                f"{number(echo['nearest_m'], 2)} m",
                f"{echo['direct_db_spl']:.0f} dB SPL",
                f"{echo['echo_db_spl']:.0f} dB SPL",
                f"{echo['echo_re_direct_db']:.0f} dB",
                noise,
            ]
        )
    return [
        heading("Echo budget") + " (with one reflection each way, loudest moment)",
        *columns(rows),
    ]


def _noises(facts: dict[str, Any]) -> list[str]:
    rows = [
        [noise["name"], f"{noise['level_db_spl']:.3g} dB SPL",
         f"{noise['band_hz'][0] / 1000:g} to {noise['band_hz'][1] / 1000:g} kHz"]
        for noise in facts["noises"]
    ]  # fmt: skip
    return [heading("Noises"), *columns(rows)] if rows else []


def _cost(facts: dict[str, Any]) -> list[str]:
    paths = facts["paths"]
    estimated = paths["estimated"]
    return [
        f"{heading('Cost')}  order {paths['order']}: {paths['images']} images, {paths['static_paths']:,} static paths, "
        f"{paths['moving_pairs']:,} moving pairs; baseband {facts['baseband_rate_hz']:,} Hz",
        f"      about {span(estimated['seconds'])} and {size(estimated['memory_bytes'])} on one core (estimate)",
    ]
