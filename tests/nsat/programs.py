"""Random NSAT programs in the format of the golden fixtures, without expected results."""

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Sizes = tuple[int, int, int]

OFF = -16
FLAGS = {"XresetOn", "flagXth", "plastic", "stdp_en", "stdp_exp", "rr_on"}


def random_program(
    rng: np.random.Generator,
    *,
    ticks: int = 220,
    cores: int = 1,
    learning: bool = True,
    shared: bool = False,
    w_check: bool = True,
    stochastic: bool = False,
    gated: bool | None = None,
    sizes: Sizes | None = None,
) -> tuple[dict[str, Any], Arrays]:
    """A valid random program: `spec` and `arrays` as in a fixture, less X, spikes, w_snap and the stored draws.

    `sizes` fixes (neurons, inputs, states) of every core; `gated=None` lets each learning core choose. Duplicate events
    occur in deterministic programs only, since the draws of a stochastic one are stored once a synapse and tick. Values
    are kept small enough that nothing leaves 32 bits.
    """
    w_boundary = int(rng.integers(5, 9))
    quirks: set[str] = set()
    arrays: Arrays = {}
    infos = []
    w_tick = _snapshot_ticks(rng, ticks)
    for c in range(cores):
        n, inputs, s = sizes or (int(rng.integers(4, 17)), int(rng.integers(4, 13)), int(rng.integers(1, 5)))
        groups, rules = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        core_gated = learning and (bool(rng.random() < 0.3) if gated is None else gated)
        tstdpmax = int(rng.choice([20, 30, 64, 100, 1023]))
        core: dict[str, Any] = {
            **_neuron_groups(rng, groups, s, ticks, small=not w_check, stochastic=stochastic),
            **_learning_groups(rng, rules, stochastic=stochastic, quirks=quirks if learning else set()),
        }
        core["nmap"] = _covering(rng, groups, n)
        core["lrnmap"] = _covering(rng, rules, groups * s).reshape(groups, s)
        core["Xinit"] = rng.integers(-100, 100, (n, s))
        for i in range(n):
            if core["flagXth"][core["nmap"][i]]:
                core["Xinit"][i, 1] = rng.integers(100, 400)
        core["syn"], core["wgt"] = _synapses(rng, n, inputs, s, shared=shared, quirks=quirks)
        core["w_tick"] = w_tick
        if np.any(np.abs(core["Xreset"]) > np.abs(core["Xthlo"])):
            quirks.add("xreset_limited_at_load")
        arrays |= {f"c{c}_{name}": value for name, value in core.items()}
        infos.append(
            {
                "n_neurons": n,
                "n_inputs": inputs,
                "n_states": s,
                "n_groups": groups,
                "n_lrngroups": rules,
                "learning": learning,
                "gated": core_gated,
                "ext_events": True,
                "tstdpmax": tstdpmax,
            }
        )
    arrays["routes"], routed = _routes(rng, infos, unique=stochastic)
    for c, info in enumerate(infos):
        # With unique events, an axon that a neuron feeds gets no events from outside.
        free = [a for a in range(info["n_inputs"]) if not (stochastic and a in routed[c])]
        arrays[f"c{c}_ext"] = _external_events(rng, ticks, free, duplicates=not stochastic and rng.random() < 0.3)
        info["ext_events"] = len(arrays[f"c{c}_ext"]) > 0
        if _has_duplicates(arrays[f"c{c}_ext"]) or _fed_twice(arrays["routes"], c, arrays[f"c{c}_ext"]):
            quirks.add("duplicate_events")
    if learning and shared and w_check:
        quirks.add("shared_weight_clip_order")
    spec = {
        "number": 0,
        "name": "random_program",
        "title": "random network",
        "note": "",
        "features": [],
        "quirks": sorted(quirks),
        "ticks": ticks,
        "n_cores": cores,
        "w_check": w_check,
        "w_boundary": w_boundary,
        "seed": int(rng.integers(0, 2**31)) if stochastic else 0,
        "seq": int(rng.integers(0, 2**31)) if stochastic else 0,
        "routing": len(arrays["routes"]) > 0,
        "stochastic": stochastic,
        "cores": infos,
    }
    return spec, {name: _typed(name, value) for name, value in arrays.items()}


def _typed(name: str, value: Any) -> np.ndarray:
    return np.asarray(value, np.uint8 if name.split("_", 1)[-1] in FLAGS else np.int32)


def _chance(rng: np.random.Generator, p: float, *shape: int) -> np.ndarray:
    return rng.random(shape) < p


def _covering(rng: np.random.Generator, values: int, count: int) -> np.ndarray:
    """`count` random values below `values`, each of them at least once where there is room."""
    out = rng.integers(0, values, count)
    few = min(values, count)
    out[rng.permutation(count)[:few]] = rng.permutation(values)[:few]
    return out


def _snapshot_ticks(rng: np.random.Generator, ticks: int) -> np.ndarray:
    inner = np.unique(rng.integers(1, ticks, 7))
    return np.unique(np.append(inner, ticks - 1))


def _neuron_groups(
    rng: np.random.Generator, groups: int, s: int, ticks: int, *, small: bool, stochastic: bool
) -> dict[str, np.ndarray]:
    """Parameters of the neuron groups; `small` keeps the states, and so the weight changes, narrow."""
    shape = (groups, s)
    a = np.full((groups, s, s), OFF)
    sign = rng.choice([-1, 1], (groups, s, s))
    sign[_chance(rng, 0.05, groups, s, s)] = 0
    for g in range(groups):
        for k in range(s):
            # Leak; sometimes none, or a state that is cleared every tick.
            kind = rng.random()
            a[g, k, k] = 0 if kind < 0.06 and k > 0 else OFF if kind < 0.12 else rng.integers(-7, -1)
            sign[g, k, k] = -1
            for source in range(s):
                if source != k and rng.random() < 0.4:
                    a[g, source, k] = -20 if rng.random() < 0.05 else rng.integers(-8, 0)
                    if source > k and rng.random() < 0.3:
                        # Amplification only down the chain of states, never around a loop of them.
                        a[g, source, k] = rng.integers(0, 3)
    b = np.where(_chance(rng, 0.5, *shape), rng.integers(-8, 25, shape), 0)
    b[:, 0] = np.where(_chance(rng, 0.5, groups), rng.integers(2, 30, groups), b[:, 0])
    low = rng.choice([-2000, -6000] if small else [-400, -3000, -32767, -32768], shape)
    low = np.where(_chance(rng, 0.06, *shape), 0, low)
    high = rng.choice([1500, 6000] if small else [1500, 6000, 32767], shape)
    reset_on = _chance(rng, 0.4, *shape)
    reset_on[:, 0] = _chance(rng, 0.7, groups)
    reset = np.where(low == 0, rng.choice([0, 0, 0, 20], shape), rng.integers(-60, 60, shape))
    threshold = rng.integers(60, 500, groups)
    # A ceiling below the threshold: only a large input lets such a neuron fire.
    high[:, 0] = np.where(_chance(rng, 0.15, groups), threshold - rng.integers(1, 40, groups), high[:, 0])
    increment = np.where(_chance(rng, 0.4, *shape), rng.integers(-200, 150, shape), 0)
    increment[:, 0] = -(threshold * rng.uniform(0.7, 1.5, groups)).astype(int)
    wgain = rng.integers(-2, 3, shape)
    wgain[:, 0] = rng.integers(0, 3, groups)
    if not small:
        # A few inputs that saturate the accumulator, onto states wide enough to show it.
        loud = _chance(rng, 0.06, *shape)
        wgain = np.where(loud, rng.integers(8, 12, shape), wgain)
        low, high = np.where(loud, -32767, low), np.where(loud, 32767, high)
    adaptive = _chance(rng, 0.3 if s >= 2 else 0.0, groups)
    for g in np.flatnonzero(adaptive):
        # The threshold state rests at about b * 2^leak and jumps up at a spike.
        a[g, 1, 1], sign[g, 1, 1] = -4, -1
        b[g, 1] = rng.integers(4, 20)
        reset_on[g, 1] = rng.random() < 0.15
        increment[g, 1] = rng.integers(0, 150)
        wgain[g, 1] = rng.integers(-4, -1)
    modstate = rng.integers(0, s, groups)
    for g in range(groups):
        if b[g, modstate[g]] == 0 and rng.random() < 0.8:
            b[g, modstate[g]] = rng.choice([-1, 1]) * rng.integers(1, 15)
    # Bounds on values where states rest: zero and the ceiling.
    gate_lower = np.where(_chance(rng, 0.2, groups), 0, rng.integers(-2000, -50, groups))
    gate_upper = np.where(_chance(rng, 0.2, groups), high[:, 0], rng.integers(100, 2500, groups))
    period = rng.integers(20, max(21, ticks // 2), groups)
    prob = rng.integers(6, 16, shape) if stochastic else np.full(shape, 15)
    if stochastic:
        prob[_chance(rng, 0.05, *shape)] = 0
    return {
        "A": a,
        "sA": sign,
        "b": b,
        "Xth": threshold,
        "Xthlo": low,
        "Xthup": high,
        "Xreset": reset,
        "XresetOn": reset_on,
        "XspikeIncr": increment,
        "t_ref": rng.choice([0, 0, 1, 2, 5, 9], groups),
        "sigma": np.where(_chance(rng, 0.5, *shape), rng.integers(1, 25, shape), 0) if stochastic else np.zeros(shape),
        "flagXth": adaptive,
        "Wgain": wgain,
        "prob": prob,
        "modstate": modstate,
        "gate_lower": gate_lower,
        "gate_upper": gate_upper,
        "period": period,
        "burnin": (period * rng.uniform(0.0, 0.6, groups)).astype(int),
    }


def _learning_groups(
    rng: np.random.Generator, rules: int, *, stochastic: bool, quirks: set[str]
) -> dict[str, np.ndarray]:
    """Parameters of the learning groups; the first one is always plastic."""
    plastic = _chance(rng, 0.8, rules)
    plastic[0] = True
    stdp = _chance(rng, 0.65, rules)
    exponential = stdp & _chance(rng, 0.35, rules)
    rounded = _chance(rng, 0.5 if stochastic else 0.0, rules)
    bits = np.where(rounded, rng.integers(0, 6, rules), 0)
    tstdp = rng.choice([24, 30, 50, 64, 100], rules)

    def borders() -> np.ndarray:
        first = rng.integers(4, 14, rules)
        return np.stack([first, first + rng.integers(1, 15, rules)], axis=1)

    def exponents() -> np.ndarray:
        out = rng.integers(-6, 1, (rules, 3))
        out[:, 0] = rng.integers(-5, 1, rules)
        out[_chance(rng, 0.08, rules, 3)] = OFF
        # Rounding removes bits again; a growing kernel starts lower.
        return np.minimum(out + np.where(rounded, bits // 2, 0)[:, None], 1) - 2 * exponential[:, None]

    def slopes() -> np.ndarray:
        # At most 6 steps of the exponent within the window.
        least = np.ceil(np.log2(tstdp / 6)).astype(int)[:, None]
        return np.where(exponential[:, None], least + rng.integers(0, 3, (rules, 3)), 16)

    siac = rng.choice([-1, -1, -1, 1, 0], (rules, 3))
    if np.any(plastic & exponential & np.any(siac != 0, axis=1)):
        quirks.add("acausal_exp_grows")
    return {
        "plastic": plastic,
        "stdp_en": stdp,
        "stdp_exp": exponential,
        "rr_on": rounded,
        "rr_bits": bits,
        "tstdp": tstdp,
        "tca": borders(),
        "hica": exponents(),
        "sica": rng.choice([1, 1, 1, -1, 0], (rules, 3)),
        "slca": slopes(),
        "tac": -borders(),
        "hiac": exponents(),
        "siac": siac,
        "slac": slopes(),
    }


def _synapses(
    rng: np.random.Generator, n: int, inputs: int, s: int, *, shared: bool, quirks: set[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Synapse table in random order and the weight table; entry 0 is unused."""
    rows: list[tuple[int, int, int, int]] = []
    external = rng.uniform(0.3, 0.7)
    recurrent = rng.uniform(0.05, 0.3)
    for is_external, count, density in ((1, inputs, external), (0, n, recurrent)):
        for pre in range(count):
            for post in range(n):
                for state in range(s):
                    if rng.random() < density * (1.0 if state == 0 else 0.35):
                        rows.append((pre, is_external, post, state))
    if not rows:
        rows.append((0, int(inputs > 0), 0, 0))
    if rng.random() < 0.3:
        rows += [rows[i] for i in rng.integers(0, len(rows), max(1, len(rows) // 15))]
        quirks.add("parallel_synapses")
    rows = [rows[i] for i in rng.permutation(len(rows))]
    m = len(rows)
    entries = max(1, m // 4) if shared else m
    index = rng.integers(1, entries + 1, m) if shared else np.arange(1, m + 1)
    weights = rng.integers(-50, 130, entries + 1)
    weights[0] = 0
    return np.column_stack([np.array(rows), index]), weights


def _routes(
    rng: np.random.Generator, infos: list[dict[str, Any]], *, unique: bool
) -> tuple[np.ndarray, list[set[int]]]:
    """Routes from every core to the next one, sorted by source, and the axons that they feed."""
    rows: set[tuple[int, int, int, int]] = set()
    routed: list[set[int]] = [set() for _ in infos]
    for c, info in enumerate(infos if len(infos) > 1 else []):
        target = (c + 1) % len(infos)
        inputs = infos[target]["n_inputs"]
        if inputs == 0:
            continue
        neurons = rng.integers(0, info["n_neurons"], max(2, info["n_neurons"]))
        axons = rng.permutation(inputs)[: max(1, inputs // 2)] if unique else rng.integers(0, inputs, len(neurons))
        for neuron, axon in zip(neurons.tolist(), axons.tolist(), strict=False):
            rows.add((c, neuron, target, axon))
            routed[target].add(axon)
    return np.array(sorted(rows), np.int32).reshape(-1, 4), routed


def _external_events(rng: np.random.Generator, ticks: int, axons: list[int], *, duplicates: bool) -> np.ndarray:
    """Events by tick, in random order within one; each axon keeps its own rate."""
    rate = rng.uniform(0.03, 0.25, len(axons))
    rows = []
    for t in range(1, ticks):
        active = [axon for axon, r in zip(axons, rate, strict=True) if rng.random() < r]
        if duplicates and active and rng.random() < 0.1:
            active.append(active[int(rng.integers(len(active)))])
        rows += [(t, active[i]) for i in rng.permutation(len(active))]
    return np.array(rows, np.int32).reshape(-1, 2)


def _has_duplicates(events: np.ndarray) -> bool:
    return len(np.unique(events, axis=0)) < len(events)


def _fed_twice(routes: np.ndarray, core: int, events: np.ndarray) -> bool:
    """Whether an axon of `core` has several routes into it, or a route and events of its own."""
    axons = routes[routes[:, 2] == core, 3]
    return len(np.unique(axons)) < len(axons) or bool(np.intersect1d(axons, events[:, 1]).size)
