"""What covers the pieces of a mover: the glints of wrinkled clothes, hair and fur, drawn once a scene."""

from usim.movers.base import AbstractMover
from usim.physics.wrinkles import Glints, glints
from usim.scene.scene import Scene


def coverings(scene: Scene, mover: AbstractMover) -> tuple[Glints | None, ...]:
    """The glints of every piece of a mover; None where a piece is bare or no ellipsoid.

    They are drawn from the stream `movers.<mover>.<piece>.glints`, so they stay what they are whatever else is in the scene.
    """
    return tuple(
        glints(
            piece.size_m,
            piece.surface.wrinkle_rms_m,
            piece.surface.wrinkle_length_m,
            scene.stream(f"movers.{mover.name}.{piece.name}.glints"),
        )
        if piece.shape == "ellipsoid" and piece.surface.wrinkle_rms_m > 0.0
        else None
        for piece in mover.pieces
    )
