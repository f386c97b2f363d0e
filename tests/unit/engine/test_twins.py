"""Every compiled kernel has a twin in NumPy: this is where each is. A kernel without a line here fails.

The judge's own (`engine/exact`) are left out: they are held to closed forms and to a general optimiser in
tests/physics/test_exact_*.py, and the engine's kernels to them.
"""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/unit/engine"
TWINS = {
    f"{HERE}/test_kernels_pairs.py": {
        "test_mirror": ["_mirror"],
        "test_series": ["_port", "_beam"],
        "test_decay": ["_decay", "to_64th"],
        "test_cosine": ["_cosine"],
        "test_first_normal": ["_first_normal"],
        "test_normal_step": ["normal_step"],
        "test_spread": ["_spread", "faded", "tangents"],
        "test_pair_paths": ["pair_paths"],
        "test_aim": ["aim", "aim_long"],
        "test_whole_gain": [
            "incoming",
            "outgoing",
            "arriving",
            "joined",
            "joined_to",
            "reflected",
            "dot",
            "departing",
            "met",
        ],
    },
    f"{HERE}/test_veils.py": {
        "test_knife_edges": ["_knife", "_strip"],
        "test_outer": ["_outer"],
        "test_scale": ["_scale"],
        "test_next_bit": ["_next"],
        "test_stretch_and_stop": ["_stretch", "_passes_stop", "veils._is_near"],
        "test_clearance": ["_clearance"],
        "test_what_passes": ["leg_passes", "passes_at", "all_pass"],
        "test_what_goes_through": ["leg_sends", "sends_at", "all_send", "_sheet", "has_sheets"],
        "test_what_is_not_near_costs_nothing": ["nearby"],
        "test_seen": ["any_passes"],
        "test_plain_legs_are_not_veiled": ["is_veiled"],
        "test_a_pair_is_veiled": ["veil", "_point", "_veiled"],
    },
    f"{HERE}/test_kernels_glints.py": {
        "test_glint_normals": ["glint_normals"],
        "test_shorten": ["shorten"],
        "test_facet": ["facet", "volume"],
    },
    f"{HERE}/test_kernels_shadows.py": {
        "test_occluders": ["occluders"],
        "test_window_of": ["window_of", "thinned"],
        "test_edge": ["_edge"],
        "test_between": ["_between", "smooth"],
        "test_surface_points": ["surface_points", "times_shape"],
        "test_shade": ["shade", "_silhouette", "shadows._sighted", "_fresnel"],
        "test_inverse_eighth_root": ["inverse_eighth_root"],
        "test_is_clear_is_on_the_safe_side": ["is_clear"],
        "test_swiftness": ["swiftness"],
    },
    f"{HERE}/test_lobes.py": {
        "test_mirror_normal": ["see", "_turn", "_own_frame"],
        "test_lobe_of": ["_lobes", "_haze"],
        "test_excess": ["_excess", "_least"],
        "test_above": ["_above"],
        "test_in_reach": ["in_reach"],
        "test_lit": ["lit"],
        "test_drawn": ["draw"],
    },
    f"{HERE}/test_dressing.py": {
        "test_candidates": ["_candidates"],
        "test_take": ["_take"],
        "test_others": ["_others"],
        "test_choose_dressed": ["choose_dressed", "_texture", "_list"],
        "test_place": ["_place"],
    },
    f"{HERE}/test_kernels_sums.py": {
        "test_clock": ["clock", "_hermite"],
        "test_tone": ["tone", "whole_lanes"],
        "test_gate": ["gate"],
        "test_stencil": ["stencil"],
        "test_interpolate": ["interpolate", "falling", "_add_knots", "_add_gain"],
        "test_at_grid": ["at_grid"],
        "test_darken": ["darken"],
        "test_add_channel": ["add_channel", "_cubics"],
        "test_window": ["window", "long_window", "window_beside"],
        "test_start": ["start_from"],
        "test_middles": ["middles_of"],
        "test_beside": ["beside"],
        "test_tilt": ["tilt"],
        "test_sine_and_cosine": ["sine", "cosine"],
        "test_coarse": ["coarsen", "rates"],
        "test_sparsest": ["sparsest"],
        "test_in_the_way": ["in_the_way"],
        "test_hide": ["hide", "hide_middle"],
        "test_fetch_and_repeat": ["fetch", "repeat"],
        "test_by_lead": ["_by_lead"],
        "test_piece_sum": ["_add_pairs", "planes"],
        "test_patch": [
            "_add_patches",
            "aim_microphones",
            "faces_as_before",
            "offset",
            "_hidden",
            "_passes",
            "_glint_points",
            "_across",
            "_in_the_open",
        ],
        "test_find_runs": ["find_runs"],
    },
    f"{HERE}/test_kernels_patches.py": {
        "test_anchor": ["_anchor"],
        "test_tangents": ["_tangents"],
        "test_extent": ["_extent"],
        "test_probed": ["_probed", "_tilted"],
        "test_lifted": ["lifted"],
        "test_refined": ["refined"],
        "test_pace": ["_pace"],
        "test_thin": ["_thin", "thin_row"],
        "test_deep": ["_deep"],
        "test_bare": ["_bare"],
        "test_relative": ["_relative"],
        "test_bent": ["anchor._bent", "_port_slope"],
        "test_glint": ["_glint"],
        "test_phase": ["_phase"],
        "test_gain": ["facets._gain", "anchor._ways"],
        "test_instants": ["_instants"],
        "test_shine": ["_shine"],
        "test_eight": ["_eight", "instants._at"],
        "test_sampled": ["_sampled"],
    },
    f"{HERE}/test_kernels_apertures.py": {
        "test_bars": ["bars", "lengths", "bar", "mirror_line", "bars._leaning"],
        "test_drifts": ["drifts"],
        "test_apertures": ["apertures", "front_only", "_front"],
    },
    f"{HERE}/test_kernels_flats.py": {
        "test_tails": ["tails"],
        "test_moments": ["moments", "turned"],
        "test_plates": ["plates", "plate", "faces", "_face"],
        "test_weights_of_six": ["lagrange"],
        "test_hear": ["hear", "retarded._read"],
        "test_near": ["near", "retarded._aside"],
        "test_spread": ["retarded.spread", "between"],
        "test_board": ["board"],
        "test_going_and_coming": ["_going", "_coming", "flats._ways", "_above_carrier", "_times"],
        "test_gated_and_added": ["gated", "add_echo"],
        "test_orbit_energies": ["orbit_energies"],
    },
    f"{HERE}/test_kernels_stirred.py": {
        "test_cosine_of_turns": ["_cosine_of_turns"],
        "test_turned": ["moving_air._turned"],
        "test_along": ["_along"],
        "test_of_six": ["_of_six"],
        "test_phasor": ["_phasor"],
        "test_blown": ["blown"],
    },
    f"{HERE}/test_kernels_crossing.py": {
        "test_bell": ["_bell"],
        "test_cut": ["_cut"],
        "test_crossed": [
            "_crossed",
            "_placed",
            "crossing._leaning",
            "_amplitudes",
            "_waves",
            "_from_node",
        ],
    },
    "tests/physics/test_engine_fan.py": {"test_sample_by_sample": ["flat_sum"]},
    f"{HERE}/test_selection.py": {
        "test_leg_powers": ["_leg_powers"],
        "test_pair_energies": ["pair_energies"],
        "test_means": ["_means"],
        "test_total": ["total"],
        "test_ranks": ["ranks"],
        "test_threshold": ["threshold"],
        "test_choose": ["choose"],
        "test_permanent": ["permanent"],
        "test_pose_table": ["_pose_table"],
        "test_pose_tables": ["_pose_tables"],
    },
    f"{HERE}/test_delay_line.py": {"test_the_kernel_is_its_twin": ["branches", "read_gliding"]},
    f"{HERE}/test_rays.py": {
        "test_drawn": ["_drawn"],
        "test_inside": ["_inside"],
        "test_met": ["rays._met"],
        "test_turned": ["rays._turned"],
        "test_follow": ["_follow"],
    },
    f"{HERE}/test_tail.py": {"test_taps_are_late_by_their_own_path": ["_add_taps"]},
    f"{HERE}/test_detours.py": {
        "test_how_much_shorter": ["_shorter"],
        "test_waves": ["_sum", "detours._mixed", "_gated", "_wave", "_cubic"],
    },
    f"{HERE}/test_kernels_silhouettes.py": {
        "test_frame": ["_frame"],
        "test_pose_between_samples": ["silhouettes._at"],
        "test_smooth_and_bent": ["_smooth", "silhouettes._bent"],
        "test_balls_and_what_is_near": ["_bounds", "silhouettes._is_near"],
        "test_what_a_way_sees": ["silhouettes._sighted"],
        "test_directions_and_angles": ["direction", "angle_of"],
        "test_levels_and_crossings": [
            "level_of",
            "value_at",
            "overlaps._series",
            "_sum_at",
            "crossings",
            "_root",
            "are_apart",
        ],
        "test_two_crossings_in_one_gap": ["_turning"],
        "test_what_is_left_of_a_rim_and_its_integral": [
            "overlap",
            "left_of",
            "inside_of",
            "_cover",
            "points_of",
            "dark_circle",
            "_whole",
            "_cells",
            "_part",
            "_sent",
            "sent",
        ],
        "test_ways_that_end_close_together": ["_moved", "_end", "silhouettes._aside"],
        "test_changes": ["_changes", "changes"],
    },
    f"{HERE}/test_kernels_wheels.py": {
        "test_read_off": ["read_off", "wheels._read"],
        "test_weights": ["_lagrange"],
    },
    f"{HERE}/test_images.py": {"test_slopes": ["_slopes"]},
    f"{HERE}/test_kernels_wideband.py": {
        "test_met": ["across._met"],
        "test_leg": ["_leg"],
        "test_series": ["across._series"],
        "test_gain": ["across._gain"],
        "test_bent": ["across._bent"],
        "test_pair_bands": ["pair_bands"],
        "test_block": ["_block"],
        "test_onto": ["_onto"],
        "test_spread": ["spread.spread"],
        "test_read": ["spread._read"],
        "test_mixed": ["spread._mixed"],
        "test_heard_through": ["heard_through"],
    },
    f"{HERE}/test_paths_table.py": {"test_instant_is_its_twin": ["_instant"]},
    f"{HERE}/test_echoes.py": {"test_an_epoch_is_added_as_by_its_twin": ["_add_faded"]},
    f"{HERE}/test_motion.py": {"test_rates": ["_rates"], "test_fourth_differences": ["_fourth"]},
    f"{HERE}/test_noise.py": {"test_gaussian_numbers_are_their_twin": ["_box_muller"]},
    f"{HERE}/test_dsp_twins.py": {"test_filtered": ["filtered"]},
    "tests/unit/physics/test_jit.py": {"test_rows_start_a_cache_line": ["rows32", "rows64"]},
    "tests/unit/physics/test_dsp.py": {
        "test_interpolation_is_its_twin": ["_interpolate"],
        "test_a_carrier_is_put_on_as_by_its_twin": ["_onto_carrier", "_cells_onto_carrier"],
        "test_an_envelope_is_taken_off_as_by_its_twin": ["_off_carrier"],
    },
}


def _decorated(path: Path, decorator: str) -> list[str]:
    """Names of the functions of a file that carry a decorator, called or not."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            words = [getattr(one, "func", one) for one in node.decorator_list]
            if any(isinstance(word, ast.Name) and word.id == decorator for word in words):
                found.append(node.name)
    return found


def test_every_kernel_has_a_twin():
    """A name that several files use is told with its file."""
    kernels = [
        (path.stem, name)
        for folder in ("physics", "engine")
        for path in sorted((ROOT / "src" / "usim" / folder).glob("*.py"))
        for name in _decorated(path, "kernel")
    ]
    times = Counter(name for _, name in kernels)
    told = {name if times[name] == 1 else f"{file}.{name}" for file, name in kernels}
    assert len(told) > 30
    listed = [name for tests in TWINS.values() for names in tests.values() for name in names]
    assert len(listed) == len(set(listed))
    assert not told - set(listed), "no twin is named for these kernels"


def test_the_twins_exist():
    for file, tests in TWINS.items():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert set(tests) <= there, file


def test_kernels_go_through_one_door():
    """numba is imported by the door and by the judge alone, so that no kernel escapes the list."""
    importers = set()
    for path in (ROOT / "src" / "usim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "numba" for name in names):
                importers.add(path.relative_to(ROOT / "src" / "usim").as_posix())
    assert importers == {"physics/jit.py", "engine/exact/bounce.py", "bench/machine.py"}
