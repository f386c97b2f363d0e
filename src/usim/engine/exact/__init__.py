"""The judge: what a microphone receives, per sample, in float64, every pair, slow on purpose.

Every other engine is measured against this one, so it shares nothing with them: it imports NumPy and
numba alone, takes movers only by `mover.at(t)`, rooms only by `room.walls`, `room.solids`, `furniture` and `patches`, and finds each
number its own way:

* images: mirror sequences over the wall planes, told apart by their lattice key (`images`); in a room that is more than
  a box, chains of faces (`faces`, `chains`);
* areas of walls that are of another surface: each path is folded back to where it meets its walls (`areas`);
* what stands in the way there, and where faces end: knife edges, on every leg (`veil`, `solids`);
* bounce point: the point of the piece's surface with the least path length, by damped Newton on the unit sphere
  that the ellipsoid is scaled from (`bounce`); the spreading from the Hessian of the path length over the surface,
  so no formula of curvatures is needed (stationary phase of the Kirchhoff integral; Keller 1957);
* bounce time: t_b + r2(t_b)/c = t by Newton, residual below 1e-12 s (`motion`); emission time t_e = t_b - r1/c;
* glints of dressed pieces: given as data; places on the surface, so no minimum is looked for (`glint`);
* flat pieces: the Fresnel-Kirchhoff integral by quadrature, at the bounce time of the centre (`plate`);
* cylinders: an integral along the axis by quadrature, of what each ring mirrors when it does (`tube`);
* shadow: the other pieces of the same mover weaken both legs (`shadow`);
* movers before static paths: Fresnel's integral over their silhouettes, ray by ray (`silhouette`);
* tail: further standing paths, given as data (`tail` of `tone_response`);
* moving air: given as data; integrated along each path by quadrature (`draught`);
* Doppler: never added; received frequency f2 = f dt_e/dt for what the air, the walls and the microphone do (`echoes`).

Image key of a room without furniture, all of whose walls are parallel or perpendicular and which has no solids (a box, or
part of one).
Parallel walls form an axis; the axes are ordered x, y, z by the largest part of their normal. The key of an image
is three integers, one an axis: |l| mirrorings in that axis's walls, in turn; l > 0 where the last of them, so the
outermost, was in the wall at the larger coordinate. In a box from 0 to L the image of x is
l L + x for even l and (l + 1) L - x for odd l. (0, 0, 0) is the thing itself; the order is the sum of |l|.
A pair is (key of the driver's image, key of the microphone's image).

Image key of any other room. Three integers, the faces in the order in which sound from the device's end meets them, padded
with -1: the walls are numbered first, then the sides of the furniture that face the air (`faces`). (-1, -1, -1) is the
thing itself.

A piece is hidden by others, of its own mover and of all others, where they stand in the room: not by their images in walls, and flat pieces not at all.

Not here: what movers do to the tail, pieces of any other shape (refused in one line).
"""

from usim.engine.exact.bounce import fermat_point
from usim.engine.exact.draught import MovingAir
from usim.engine.exact.echoes import Echoes, echoes, fade
from usim.engine.exact.images import ORDER, Images, mirror_images
from usim.engine.exact.response import pair_rows, static_paths, tone_response, waveform

__all__ = [
    "ORDER",
    "Echoes",
    "Images",
    "MovingAir",
    "echoes",
    "fade",
    "fermat_point",
    "mirror_images",
    "pair_rows",
    "static_paths",
    "tone_response",
    "waveform",
]
