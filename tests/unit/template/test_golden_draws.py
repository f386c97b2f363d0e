"""Twenty draws, frozen: a change here changes every scene that was ever made."""

from usim.template.draws import sample
from usim.template.reader import read

SEED = 7
SCENE = b"""\
let: {tone_hz: {choice: [32500, 33100, 34700]}}
room: {size_m: [{uniform: [3, 7]}, {uniform: [-1, 1]}, {log_uniform: [1.0e-3, 10]}]}
air: {temperature_c: {normal: [21, 2]}, humidity_percent: {normal: [45, 10], min: 25, max: 60}}
devices:
  - {name: shelf, unit: {integers: [0, 99999]}, emits: {carriers_hz: [{use: tone_hz}]}}
movers:
  - kind: person
    name: adult
    height_m: {normal: [1.70, 0.09], min: 1.45, max: 2.00}
    clothing: {choice: [tshirt, knitwear, denim, windproof_shell], weights: [4, 3, 2, 1]}
    routine:
      - {kind: walk, speed_m_s: {uniform: [0.6, 1.5]}}
      - {kind: walk, speed_m_s: {uniform: [0.6, 1.5]}}
  - {kind: fan, repeat: {integers: [2, 2]}, rpm: {log_uniform: [650, 1350]}}
  - {name: pet, choice: [{kind: cat, mass_kg: {normal: [4, 1], min: 7}}]}
  - {kind: sphere, track: {through_m: [[0, 0, 0], [1, {uniform: [5, 6]}, 7]]}}
noises:
  - {kind: hiss, chance: {choice: [1.0]}, level_db_spl: {normal: [30, 3], max: 10}}
  - {kind: keys, at: {in_room: [{uniform: [0, 1]}, 0.5, 0.5]}}
"""
GOLDEN = {
    "let.tone_hz": 33100,
    "room.size_m.0": 3.027069019282135,
    "room.size_m.1": 0.7447997161652065,
    "room.size_m.2": 0.4591281091653435,
    "air.temperature_c": 21.922960040044202,
    "air.humidity_percent": 43.824235831054516,
    "devices.shelf.unit": 222,
    "movers.adult.height_m": 1.723455565266169,
    "movers.adult.clothing": "denim",
    "movers.adult.routine.walk.speed_m_s": 1.221390269774624,
    "movers.adult.routine.walk_2.speed_m_s": 0.8736077806205542,
    "movers.fan.repeat": 2,
    "movers.fan_1.rpm": 944.5113056140714,
    "movers.fan_2.rpm": 836.8078386248096,
    "movers.pet": 0,
    "movers.pet.choice.0.mass_kg": 7.207558898828259,
    "movers.sphere.track.through_m.1.1": 5.466611338207448,
    "noises.hiss.chance": 1.0,
    "noises.hiss.level_db_spl": 9.541658779912279,
    "noises.keys.at.in_room.0": 0.21978047367447662,
}


def test_golden_draws():
    assert sample(read(SCENE), SEED).drawn == GOLDEN
    assert len(GOLDEN) == 20


def test_golden_draws_of_a_second_attempt():
    drawn = sample(read(SCENE), SEED, attempt=1).drawn
    assert drawn["movers.adult.height_m"] == 1.864229596733684
    assert drawn["devices.shelf.unit"] == 25806
