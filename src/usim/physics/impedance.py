"""What boundaries do to a plane wave: arrays in, arrays out.

Conventions: e^{+jwt}; cosine of incidence in [0, 1]; impedances in Pa s/m, or divided by that of
air where "specific"; one `air` (`usim.physics.air.Air`) for a call.
"""

import numpy as np


def boundary_layer_admittance(cos_incidence, f_hz, air):
    """Specific admittance of a rigid smooth wall from viscosity and heat conduction.

    beta = (1+j) (k/2) [d_v sin^2 + (gamma-1) d_t]: Pierce, Acoustics (1981), section 10-4. Valid
    while the layers (12 and 15 um at 32 kHz) are thin against wavelength and radius of curvature.
    """
    cos = np.asarray(cos_incidence, dtype=float)
    w = 2.0 * np.pi * np.asarray(f_hz, dtype=float)
    viscous = np.sqrt(2.0 * air.viscosity_pa_s / (air.density_kg_m3 * w))
    thermal = viscous / np.sqrt(air.prandtl)
    grazing = viscous * (1.0 - cos**2) + (air.heat_ratio - 1.0) * thermal
    return (1.0 + 1.0j) * 0.5 * w / air.sound_speed_m_s * grazing


def admittance_reflection(cos_incidence, admittance):
    """Pressure reflection (c - beta)/(c + beta) of a surface of specific admittance beta."""
    cos = np.asarray(cos_incidence, dtype=float)
    return (cos - admittance) / (cos + admittance)


def impedance_reflection(cos_incidence, specific_impedance):
    """Pressure reflection (z c - 1)/(z c + 1) of a surface of specific impedance z."""
    z = specific_impedance * np.asarray(cos_incidence, dtype=float)
    return (z - 1.0) / (z + 1.0)


def roughness_exponent(cos_incidence, f_hz, rms_m, air):
    """Square of the Rayleigh parameter g = 2 k sigma cos: mirror energy falls by exp(-g^2).

    Beckmann and Spizzichino (1963), chapter 5. Gaussian heights, correlation length above about a
    quarter wave, slopes below 0.3; no shadowing, so it is optimistic at grazing incidence.
    """
    k = 2.0 * np.pi * np.asarray(f_hz, dtype=float) / air.sound_speed_m_s
    return (2.0 * k * rms_m * np.asarray(cos_incidence, dtype=float)) ** 2


def porous_medium(
    f_hz, air, *, flow_resistivity, porosity, tortuosity, viscous_length_m, thermal_length_m
):
    """Effective density (kg/m3) and bulk modulus (Pa) of air in a rigid-framed porous medium.

    Johnson-Champoux-Allard: Allard and Atalla, Propagation of Sound in Porous Media (2009), eq.
    5.50-5.51. Fails once fibres or pores reach a tenth of a wavelength (1 mm at 32 kHz), where
    coarse pile scatters.
    """
    w = 2.0 * np.pi * np.asarray(f_hz, dtype=float)
    rho, eta = air.density_kg_m3, air.viscosity_pa_s
    slow = 4.0j * tortuosity**2 * eta * rho * w
    slow = slow / (flow_resistivity * viscous_length_m * porosity) ** 2
    drag = flow_resistivity * porosity / (1j * w * rho * tortuosity) * np.sqrt(1.0 + slow)
    density = tortuosity * rho / porosity * (1.0 + drag)
    heat = thermal_length_m**2 * air.prandtl * w * rho / eta
    cooling = 1.0 + 8.0 / (1j * heat) * np.sqrt(1.0 + 1j * heat / 16.0)
    gamma, pressure_pa = air.heat_ratio, 1e3 * air.pressure_kpa
    modulus = gamma * pressure_pa / porosity / (gamma - (gamma - 1.0) / cooling)
    return density, modulus


def layer_impedance(cos_incidence, f_hz, thickness_m, density, modulus, air):
    """Impedance (Pa s/m) of a porous layer on a rigid backing, oblique incidence, bulk reacting.

    Z = -j Zc (ke/kz) cot(kz d), kz = sqrt(ke^2 - k^2 sin^2): Allard and Atalla (2009), eq. 4.26.
    """
    w = 2.0 * np.pi * np.asarray(f_hz, dtype=float)
    cos = np.asarray(cos_incidence, dtype=float)
    inside = w * np.sqrt(density / modulus)
    across = np.sqrt(inside**2 - (w / air.sound_speed_m_s) ** 2 * (1.0 - cos**2))
    across = np.where(across.imag > 0.0, -across, across)  # the wave that decays inwards
    # cot through exp(-2 j kz d), which stays below one for thick layers where tan overflows
    there_and_back = np.exp(-2j * across * thickness_m)
    cotangent = 1j * (1.0 + there_and_back) / (1.0 - there_and_back)
    return -1j * np.sqrt(density * modulus) * inside / across * cotangent


def screen_impedance(f_hz, air, *, flow_resistance, thickness_m, porosity, tortuosity, mass_kg_m2):
    """Impedance (Pa s/m) of a thin cloth: pore resistance and inertia beside its own mass.

    [Rs + j w rho a_inf t / phi] in parallel with j w M; Pieren et al., Textile Research Journal
    (2016), family of models. Thin against the wavelength; no stiffness.
    """
    w = 2.0 * np.pi * np.asarray(f_hz, dtype=float)
    pores = flow_resistance + 1j * w * air.density_kg_m3 * tortuosity * thickness_m / porosity
    mass = 1j * w * mass_kg_m2
    return pores * mass / (pores + mass)


def screen_response(cos_incidence, specific_impedance):
    """Pressure reflection z/(z+2) and transmission 2/(z+2) of a free screen, z = Zs cos / Z0."""
    z = specific_impedance * np.asarray(cos_incidence, dtype=float)
    return z / (z + 2.0), 2.0 / (z + 2.0)


def limp_mass_loss_db(f_hz, mass_kg_m2, air):
    """Transmission loss (dB) of a limp sheet at normal incidence: 10 log10(1 + (w m / 2 Z0)^2)."""
    x = np.pi * np.asarray(f_hz, dtype=float) * mass_kg_m2 / air.impedance_pa_s_m
    return 10.0 * np.log10(1.0 + x**2)


def _gauss_legendre(count):
    """Nodes and weights (count,) of the Gauss rule on -1..1, by Newton's method.

    numpy.polynomial takes longer to be imported than a scene to be checked, and its eigenvalue solver
    gives other last bits on other processors. Press et al., Numerical Recipes (2007), section 4.6.
    """
    x = np.cos(np.pi * (np.arange(count, 0, -1) - 0.25) / (count + 0.5))
    for _ in range(4):  # the first guess is good to 1e-4, every step squares the error
        below, value = np.ones(count), x
        for n in range(2, count + 1):
            below, value = value, ((2 * n - 1) * x * value - (n - 1) * below) / n
        slope = count * (x * value - below) / (x * x - 1.0)
        x = x - value / slope
    return x, 2.0 / ((1.0 - x * x) * slope * slope)


_NODES, _WEIGHTS = _gauss_legendre(64)
# Squaring the variable gathers nodes at grazing incidence, where hard walls change fastest.
DIFFUSE_COSINES = (0.5 * (_NODES + 1.0)) ** 2
DIFFUSE_WEIGHTS = _WEIGHTS * (0.5 * (_NODES + 1.0)) * 2.0 * DIFFUSE_COSINES


def diffuse_mean(values):
    """Mean of `values` (..., angle) at DIFFUSE_COSINES over a diffuse field.

    Paris' rule, integral of value(c) 2 c dc over 0..1 (Kuttruff, Room Acoustics, 5th ed., 2.41),
    by a 64-point Gauss rule: 1e-6 for hard walls.
    """
    return np.sum(np.asarray(values) * DIFFUSE_WEIGHTS, axis=-1)
