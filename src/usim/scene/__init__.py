"""Scenes: a file with draws is a Template, a sample of it is a Scene.

table      the scene file as models, reserved words
placement  points by words: on the free floor, on a thing, at a wall
draft      a scene in the making: items by kind, problems at their places
build      a table without draws -> a Scene, with every problem
checks     cross-checks (space: places; bands: frequencies; motion: a mover over time); limits
template   load, sample, draw again; validate: what is wrong over many samples, or at the
           ends of its draws
schema     the JSON Schema of scene files
"""

import usim.template.fields  # noqa: F401  (first: it tells pydantic not to look for plug-ins)

# isort: split
from usim.scene.limits import too_long_for_files, too_much_for_files
from usim.scene.scene import PlacedDevice, Scene
from usim.scene.template import Template, from_table, load, parse
from usim.scene.validate import Report, validate

__all__ = [
    "PlacedDevice",
    "Report",
    "Scene",
    "Template",
    "from_table",
    "load",
    "parse",
    "too_long_for_files",
    "too_much_for_files",
    "validate",
]
