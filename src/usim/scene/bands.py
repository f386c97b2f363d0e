"""Cross-checks of frequency: every carrier and its Doppler fits converter, baseband and surfaces."""

from collections.abc import Iterator

from usim.devices.converter import Converter
from usim.movers.base import FASTEST_M_S
from usim.scene.finding import Finding
from usim.scene.motion import Motion
from usim.scene.scene import BASEBAND_RATES_HZ, USABLE_BASEBAND, Scene
from usim.surfaces.base import AbstractSurface
from usim.template.problem import InvalidInput


def findings(scene: Scene, moved: tuple[Motion, ...]) -> Iterator[Finding]:
    """Everything that does not fit its band."""
    for index, motion in enumerate(moved):
        if motion.fastest_m_s > FASTEST_M_S:
            text = f"reaches {motion.fastest_m_s:.3g} m/s at {motion.fastest_at_s:.3g} s"
            advice = f"no part may be faster than {FASTEST_M_S:g} m/s; slow it down"
            yield Finding("speed", ("movers", index), f"{text}; {advice}")
            return  # its Doppler would be nonsense
    fastest = max(range(len(moved)), key=lambda i: moved[i].fastest_m_s, default=None)
    yield from _converters(scene, moved, fastest)
    yield from _baseband(scene, moved, fastest)
    yield from _surfaces(scene)


def _carriers(scene: Scene) -> list[tuple[int, float]]:
    """(device, carrier in Hz) of everything that is emitted; both ends of what is wideband."""
    return [
        (index, float(f))
        for index, device in enumerate(scene.devices)
        if device.emission is not None
        for f in device.emission.band_hz or device.emission.carriers_hz
    ]


def _band(scene: Scene, device: int) -> tuple[float, float] | None:
    emission = scene.devices[device].emission
    return None if emission is None else emission.band_hz


def _converters(scene: Scene, moved: tuple, fastest: int | None) -> Iterator[Finding]:
    for device in scene.devices:
        if not device.listens:
            continue
        converter: Converter = device.unit.converter
        try:
            converter = converter.at(scene.render.rate_hz, scene.render.bits)
        except InvalidInput as error:
            for problem in error.problems:
                where: tuple = ("render", (problem.place or "rate_hz").split(".")[-1])
                yield Finding("converter", where, f"{device.name}: {problem.text}")
            return
        edge_hz = converter.pass_edge_hz
        for emitter, f in _carriers(scene):
            path: tuple = ("devices", emitter, "emits")
            if _band(scene, emitter) is None:
                path = (*path, "carriers_hz")
            limit = (
                f"the pass band of {device.name} ends at {edge_hz:g} Hz at {converter.rate_hz} Hz"
            )
            if f > edge_hz:
                advice = "lower the carrier or raise render.rate_hz"
                yield Finding("carrier folds", path, f"{f:g} Hz: {limit}; {advice}")
            elif fastest is not None:
                span_hz = scene.doppler_hz(f, moved[fastest].name)
                if f + span_hz > edge_hz:
                    text = f"at {moved[fastest].fastest_m_s:.3g} m/s it shifts {f:g} Hz by {span_hz:.0f} Hz"
                    advice = "slow it down, lower the carrier or raise render.rate_hz"
                    where = ("movers", fastest)
                    yield Finding("mover folds", where, f"{text} and folds: {limit}; {advice}")
                    return


def _baseband(scene: Scene, moved: tuple, fastest: int | None) -> Iterator[Finding]:
    carriers = [f for _, f in _carriers(scene)]
    if any(_band(scene, index) is not None for index in range(len(scene.devices))):
        yield from _wideband(scene)
        return
    if fastest is None or not carriers:
        return
    rate_hz = scene.render.baseband_rate_hz or BASEBAND_RATES_HZ[-1]
    span_hz = scene.doppler_hz(max(carriers), moved[fastest].name)
    if span_hz > USABLE_BASEBAND * rate_hz:
        fitting = [rate for rate in BASEBAND_RATES_HZ if USABLE_BASEBAND * rate >= span_hz]
        advice = f"set render.baseband_rate_hz to {fitting[0]}" if fitting else "slow it down"
        text = (
            f"at {moved[fastest].fastest_m_s:.3g} m/s it shifts {max(carriers):g} Hz by "
            f"{span_hz:.0f} Hz, and a baseband of {rate_hz} Hz holds {USABLE_BASEBAND * rate_hz:g} Hz"
        )
        yield Finding("baseband rate", ("movers", fastest), f"{text}; {advice}")


def _wideband(scene: Scene) -> Iterator[Finding]:
    """What a wideband emission asks of the baseband: half its band and the Doppler shift on either side of its middle."""
    rate_hz = scene.baseband_rate_hz
    for index, device in enumerate(scene.devices):
        band = _band(scene, index)
        if device.emission is None or band is None:
            continue
        half_hz, span_hz = 0.5 * (band[1] - band[0]), scene.doppler_hz(band[1])
        if half_hz + span_hz > USABLE_BASEBAND * rate_hz:
            text = (
                f"reaches from {band[0]:g} to {band[1]:g} Hz, with {span_hz:.0f} Hz of Doppler shift, and a "
                f"baseband of {rate_hz} Hz holds {USABLE_BASEBAND * rate_hz:g} Hz on either side"
            )
            advice = (
                "leave render.baseband_rate_hz out"
                if scene.render.baseband_rate_hz
                else "make the sweep narrower or its ramps slower"
            )
            yield Finding("baseband rate", ("devices", index, "emits"), f"{text}; {advice}")
    if scene.draughts or scene.drift_k_per_min:
        text = "moving air under chirps, fmcw or pulses comes with a later version of usim"
        advice = "leave draughts and drift_k_per_min out, or emit tones"
        yield Finding("wideband", ("air",), f"{text}; {advice}")
    for index, mover in enumerate(scene.movers):
        if any(piece.is_flat for piece in mover.pieces):
            text = "has flat pieces or cylinders, and these under chirps, fmcw or pulses come with a later version of usim"
            advice = "leave the mover out, or emit tones"
            yield Finding("wideband", ("movers", index), f"{text}; {advice}")


def _surfaces(scene: Scene) -> Iterator[Finding]:
    carriers = [f for _, f in _carriers(scene)]
    if not carriers:
        return
    used: list[tuple[tuple, str, AbstractSurface]] = [
        (("room", "surfaces"), wall.name, wall.surface) for wall in scene.room.walls
    ]
    used += [(("room", "patches"), patch.name, patch.surface) for patch in scene.patches]
    used += [
        (("movers", index, "surface"), piece.name, piece.surface)
        for index, mover in enumerate(scene.movers)
        for piece in mover.pieces
    ]
    seen = set()
    for path, name, surface in used:
        if (path, surface) in seen:
            continue
        seen.add((path, surface))
        try:
            for f in carriers:
                span_hz = scene.doppler_hz(f)
                surface.require_band([f - span_hz, f + span_hz])
        except InvalidInput as error:
            yield Finding("surface band", path, f"{name}: {error.problems[0].text}")
