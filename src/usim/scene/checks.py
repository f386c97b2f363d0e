"""Cross-checks: what no field can know by itself. A sample that breaks one is drawn again."""

import math

from usim.movers.base import AbstractMover, Piece
from usim.physics.air import Air
from usim.scene import bands, limits, space
from usim.scene.finding import Finding
from usim.scene.motion import Motion
from usim.scene.scene import PlacedDevice, Scene

LEAST_KR = 8.0
"""Below this the echo of a curved piece is no longer geometric optics."""
PUBLIC_DB_SPL = ((22_400.0, 70.0), (math.inf, 100.0))
"""Below this frequency in Hz: the public exposure value, IRPA/INIRC 1984, third octaves."""
EAR_M = 0.1


def findings(scene: Scene, moved: tuple[Motion, ...]) -> list[Finding]:
    """Every cross-check that a scene breaks; counts first, because the others take their time."""
    return _counts(scene) or [*space.findings(scene, moved), *bands.findings(scene, moved)]


def _counts(scene: Scene) -> list[Finding]:
    found = []
    listening = [device for device in scene.devices if device.listens]
    if not listening:
        text = "no device listens, so there is nothing to record; set listens: true on one"
        found.append(Finding("a device listens", ("devices",), text))
    microphones = sum(len(device.unit.mics_m) for device in listening)
    if microphones > limits.MOST_MICROPHONES:
        text = f"{microphones} microphones listen; at most {limits.MOST_MICROPHONES}"
        found.append(Finding("microphones", ("devices",), f"{text}: let fewer devices listen"))
    pieces = sum(len(mover.pieces) for mover in scene.movers)
    if pieces > limits.MOST_PIECES:
        text = f"movers have {pieces} pieces together; at most {limits.MOST_PIECES}"
        found.append(Finding("pieces", ("movers",), f"{text}: leave movers out"))
    if len(scene.room.walls) > limits.MOST_WALLS:
        text = f"{len(scene.room.walls)} walls; at most {limits.MOST_WALLS}"
        found.append(Finding("walls", ("room",), f"{text}: make the room simpler"))
    return found


def notes(
    devices: tuple[PlacedDevice, ...], movers: tuple[AbstractMover, ...], air: Air
) -> tuple[str, ...]:
    """What a user should know although it is allowed: exposure, and pieces too small for their
    echo.
    """
    said = []
    carriers = []
    for device in devices:
        if device.emission is None:
            continue
        emission = device.emission
        carriers += list(emission.carriers_hz)
        total = emission.level_db_spl + 10.0 * math.log10(len(emission.carriers_hz))
        at_ear = total - 20.0 * math.log10(EAR_M)
        lowest = float(min(emission.band_hz or emission.carriers_hz))
        allowed = next(level for below_hz, level in PUBLIC_DB_SPL if lowest < below_hz)
        if at_ear > allowed:
            said.append(
                f"devices.{device.name}.emits: {total:.0f} dB SPL at 1 m is {at_ear:.0f} dB at "
                f"{EAR_M:g} m, above the public exposure value of {allowed:.0f} dB (IRPA 1984)"
            )
    if carriers:
        k = 2.0 * math.pi * min(carriers) / air.sound_speed_m_s
        for mover in movers:
            small = [piece.name for piece in mover.pieces if k * _tightest_m(piece) < LEAST_KR]
            if small:
                said.append(
                    f"movers.{mover.name}: {', '.join(small)} {'are' if len(small) > 1 else 'is'} "
                    f"curved so tightly (kR below {LEAST_KR:g}) that the echo is an approximation"
                )
    return tuple(said)


def _tightest_m(piece: Piece) -> float:
    """The least radius of curvature of a piece; infinite where it is flat."""
    if piece.shape == "cylinder":
        return piece.size_m[0]
    return math.inf if piece.is_flat else min(piece.size_m) ** 2 / max(piece.size_m)
