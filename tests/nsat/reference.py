"""Integer simulator of the NSAT dynamics in plain loops: the yardstick for the JAX implementation.

It follows the rules stated with the golden fixtures and shares no code with the package. One function per rule, Python
integers everywhere; a value outside 32 bits raises `OverflowError`, because the rules say nothing about wrapping.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Draws = Literal["stored", "pcg32", "none"]
Compat = Literal["reference", "documented"]
Arrays = dict[str, np.ndarray]

NEVER = -2000
NO_CONNECTION = -16
ALWAYS = 15


@dataclass
class Result:
    """Trace of one core; the draws are present after `record_draws=True` only."""

    X: np.ndarray  # (T, N, S) int32
    spikes: np.ndarray  # (K, 2) int32: tick, neuron
    w_snap: np.ndarray  # (Q, W) int32
    w_final: np.ndarray  # (W,) int32
    mask: np.ndarray | None = None  # (T, M) int8
    rr_draw: np.ndarray | None = None  # (T, M, 2) int32
    noise: np.ndarray | None = None  # (T, N, S) int32


def recorded_draws(results: list[Result]) -> Arrays:
    """Recorded draws under the names that fixtures give them."""
    out = {}
    for c, result in enumerate(results):
        for name in ("mask", "rr_draw", "noise"):
            values = getattr(result, name)
            if values is None:
                raise ValueError("the run was made without record_draws=True")
            out[f"c{c}_{name}"] = values
    return out


# Arithmetic


def int32(x: int) -> int:
    """`x` itself, or `OverflowError` where 32 bits cannot hold it."""
    if not -(2**31) <= x < 2**31:
        raise OverflowError(f"{x} does not fit 32 bits")
    return x


def sign(x: int) -> int:
    return (x > 0) - (x < 0)


def couple(a: int, x: int) -> int:
    """Coupling: x * 2^a toward zero, but a nonzero x never yields less than 1 in magnitude."""
    if a <= NO_CONNECTION or x == 0:
        return 0
    if a >= 0:
        return int32(x << a)
    return sign(x) * max(1, abs(x) >> -a)


def gain(x: int, a: int) -> int:
    """x * 2^a toward zero."""
    if a >= 0:
        return int32(x << a)
    return sign(x) * (abs(x) >> -a)


def clip(x: int, low: int, high: int) -> int:
    """Lower limit first, so that the upper one wins where they cross."""
    if x < low:
        x = low
    if x > high:
        x = high
    return x


# Random numbers


class Pcg32:
    """PCG XSH-RR 64/32 with bounded draws by rejection and a coarse Box-Muller normal."""

    MULTIPLIER = 6364136223846793005

    def __init__(self, seed: int, seq: int):
        self.state = 0
        self.increment = (2 * seq + 1) % 2**64
        self.spare: float | None = None
        self.raw()
        self.state = (self.state + seed) % 2**64
        self.raw()

    def raw(self) -> int:
        old = self.state
        self.state = (old * self.MULTIPLIER + self.increment) % 2**64
        word = ((old ^ (old >> 18)) >> 27) % 2**32
        turn = old >> 59
        return (word >> turn) | ((word << (32 - turn)) % 2**32)

    def below(self, bound: int) -> int:
        """Uniform draw from 0 … bound-1; the 2^32 mod bound smallest words are rejected."""
        while True:
            word = self.raw()
            if word >= 2**32 % bound:
                return word % bound

    def normal(self) -> float:
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        u = v = 0.0
        while u == 0.0:
            u = self.below(100) / 100
            v = self.below(100) / 100
        radius = math.sqrt(-2.0 * math.log(u))
        self.spare = radius * math.sin(2.0 * math.pi * v)
        return radius * math.cos(2.0 * math.pi * v)


# One core


@dataclass
class Synapse:
    row: int
    post: int
    state: int
    weight: int


@dataclass
class Core:
    """Parameters as nested lists, run-time state, and the record of one core."""

    index: int
    spec: dict[str, Any]
    arrays: Arrays
    draws: Draws
    compat: Compat
    rng: Pcg32 | None
    p: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        prefix = f"c{self.index}_"
        for name, values in self.arrays.items():
            if name.startswith(prefix):
                self.p[name.removeprefix(prefix)] = np.asarray(values).tolist()
        info = self.spec["cores"][self.index]
        self.ticks: int = self.spec["ticks"]
        self.n, self.inputs, self.s = info["n_neurons"], info["n_inputs"], info["n_states"]
        self.learning, self.gated, self.tstdpmax = info["learning"], info["gated"], info["tstdpmax"]
        p = self.p
        if self.draws == "stored" and not {"mask", "rr_draw", "noise"} <= p.keys():
            raise ValueError("draws='stored' needs the arrays mask, rr_draw and noise")

        for g in range(info["n_groups"]):
            for k in range(self.s):
                if abs(p["Xreset"][g][k]) > abs(p["Xthlo"][g][k]):
                    p["Xreset"][g][k] = p["Xthlo"][g][k]

        self.weights = [self.limit_weight(w) for w in p["wgt"]]
        # fan[is_external][source][state] holds the synapses in the order of visits: last table row first.
        self.fan: list[list[list[list[Synapse]]]] = [
            [[[] for _ in range(self.s)] for _ in range(count)] for count in (self.n, self.inputs)
        ]
        for row, (pre, is_external, post, state, weight) in enumerate(p["syn"]):
            self.fan[is_external][pre][state].insert(0, Synapse(row, post, state, weight))
        self.file_events: dict[int, list[int]] = {}
        for tick, axon in p["ext"]:
            self.file_events.setdefault(tick, []).append(axon)

        self.x = [list(row) for row in p["Xinit"]]
        self.y = [list(row) for row in self.x]
        self.acc = [[0] * self.s for _ in range(self.n)]
        self.ref = [0] * self.n
        self.g = [0] * self.n
        self.last = [[NEVER] * self.n, [NEVER] * self.inputs]  # indexed by is_external
        self.events: list[int] = []
        self.fired: list[int] = []

        self.trace = np.zeros((self.ticks, self.n, self.s), np.int32)
        self.trace[0] = self.x
        self.spikes: list[tuple[int, int]] = []
        self.snap_ticks = set(p["w_tick"])
        self.snaps: dict[int, list[int]] = {0: list(self.weights)}
        self.mask = np.full((self.ticks, len(p["syn"])), -1, np.int8)
        self.rr_draw = np.full((self.ticks, len(p["syn"]), 2), -1, np.int32)
        self.noise = np.zeros((self.ticks, self.n, self.s), np.int32)

    # Steps 1 to 5

    def integrate(self, t: int) -> None:
        """Events of the tick, integration, refractory clamp, spike test, first clipping."""
        p = self.p
        self.events = list(self.file_events.get(t, []))
        self.fired = []
        for i in range(self.n):
            group = p["nmap"][i]
            self.y[i] = [self.integrated(t, i, k) for k in range(self.s)]
            y = self.y[i]
            if self.ref[i] > 0:
                if p["XresetOn"][group][0]:
                    y[0] = p["Xreset"][group][0]
                self.ref[i] -= 1
            threshold = y[1] if p["flagXth"][group] else p["Xth"][group]
            if self.ref[i] == 0 and y[0] >= threshold:
                self.fired.append(i)
                self.ref[i] = p["t_ref"][group]
            self.clip_states(i)

    def integrated(self, t: int, i: int, k: int) -> int:
        p, group, x = self.p, self.p["nmap"][i], self.x[i]
        y = x[k] + self.acc[i][k] + p["b"][group][k]
        for source in range(self.s):
            y += p["sA"][group][source][k] * couple(p["A"][group][source][k], x[source])
        int32(y)
        sigma = p["sigma"][group][k]
        if sigma != 0:
            added = self.draw_noise(t, i, k, y, sigma)
            self.noise[t, i, k] = added
            y = int32(y + added)
        return y

    def clip_states(self, i: int) -> None:
        group = self.p["nmap"][i]
        low, high = self.p["Xthlo"][group], self.p["Xthup"][group]
        self.y[i] = [clip(self.y[i][k], low[k], high[k]) for k in range(self.s)]

    # Step 7

    def deliver(self, t: int) -> None:
        """Fill the accumulator that the next tick reads."""
        p = self.p
        total = [[0] * self.s for _ in range(self.n)]
        for is_external, sources in ((0, self.fired), (1, self.events)):
            for source in sources:
                for k in range(self.s):
                    fan = self.fan[is_external][source][k]
                    if not fan:
                        continue
                    prob = p["prob"][p["nmap"][fan[0].post]][k]
                    for synapse in fan:
                        bit = self.draw_mask(t, synapse, prob)
                        self.mask[t, synapse.row] = bit
                        if bit:
                            total[synapse.post][k] = int32(total[synapse.post][k] + self.weights[synapse.weight])
        for i in range(self.n):
            wgain = p["Wgain"][p["nmap"][i]]
            self.acc[i] = [clip(gain(total[i][k], wgain[k]), -32768, 32767) for k in range(self.s)]

    # Step 8

    def learn(self, t: int) -> None:
        """Causal for axons, causal for neurons, acausal for axons, acausal for neurons."""
        if not self.learning:
            return
        for is_external, sources in ((1, self.events), (0, self.fired)):
            last = self.last[is_external]
            due = [source for source in sources if 0 < t - last[source] < self.tstdpmax]
            due += [unit for unit in range(len(last)) if t - last[unit] == self.tstdpmax]
            for source in due:
                for synapse in self.synapses_of(is_external, source):
                    self.learn_causal(t, synapse, last[source])
        for is_external, sources in ((1, self.events), (0, self.fired)):
            for source in sources:
                for synapse in self.synapses_of(is_external, source):
                    self.learn_acausal(t, synapse)

    def synapses_of(self, is_external: int, source: int) -> list[Synapse]:
        return [synapse for fan in self.fan[is_external][source] for synapse in fan]

    def learning_group(self, synapse: Synapse) -> int:
        return self.p["lrnmap"][self.p["nmap"][synapse.post]][synapse.state]

    def may_learn(self, t: int, synapse: Synapse) -> bool:
        """Plastic learning group and, on a gated core, open gate on the target state after the burn-in."""
        p, group = self.p, self.p["nmap"][synapse.post]
        if not p["plastic"][self.learning_group(synapse)]:
            return False
        if not self.gated:
            return True
        value = self.y[synapse.post][synapse.state]
        is_open = p["gate_lower"][group] < value < p["gate_upper"][group]
        return is_open and t % p["period"][group] >= p["burnin"][group]

    def learn_causal(self, t: int, synapse: Synapse, last_source: int) -> None:
        p, rule = self.p, self.learning_group(synapse)
        if not p["stdp_en"][rule] or not self.may_learn(t, synapse):
            return
        dt = self.last[0][synapse.post] - last_source
        if dt <= 0:
            return
        dw = 0
        segment = self.causal_segment(rule, dt)
        if segment is not None:
            shift = p["hica"][rule][segment]
            if p["stdp_exp"][rule]:
                shift -= dt >> p["slca"][rule][segment]
            dw = p["sica"][rule][segment] * gain(self.g[synapse.post], shift)
        self.write(t, synapse, dw, side=0)

    def learn_acausal(self, t: int, synapse: Synapse) -> None:
        p, rule = self.p, self.learning_group(synapse)
        if not self.may_learn(t, synapse):
            return
        modulator = self.y[synapse.post][p["modstate"][p["nmap"][synapse.post]]]
        if not p["stdp_en"][rule]:
            self.write(t, synapse, gain(modulator, p["hiac"][rule][0]), side=1)
            return
        dt = self.last[0][synapse.post] - t
        dw = 0
        segment = self.acausal_segment(rule, dt)
        if segment is not None:
            shift = p["hiac"][rule][segment]
            if p["stdp_exp"][rule]:
                slope = p["slac"][rule][segment]
                shift -= dt >> slope if self.compat == "reference" else -dt >> slope
            dw = p["siac"][rule][segment] * gain(modulator, shift)
        self.write(t, synapse, dw, side=1)

    def causal_segment(self, rule: int, dt: int) -> int | None:
        first, second = self.p["tca"][rule]
        if 0 < dt < first:
            return 0
        if first <= dt < second:
            return 1
        if second <= dt < self.p["tstdp"][rule]:
            return 2
        return None

    def acausal_segment(self, rule: int, dt: int) -> int | None:
        first, second = self.p["tac"][rule]
        if first < dt < 0:
            return 0
        if second < dt <= first:
            return 1
        if -self.p["tstdp"][rule] < dt <= second:
            return 2
        return None

    def write(self, t: int, synapse: Synapse, dw: int, side: int) -> None:
        rule = self.learning_group(synapse)
        if self.p["rr_on"][rule]:
            bits = self.p["rr_bits"][rule]
            draw = self.draw_rounding(t, synapse, side, bits)
            self.rr_draw[t, synapse.row, side] = draw
            dw = (dw >> bits) + (1 if draw < dw % 2**bits else 0)
        self.weights[synapse.weight] = self.limit_weight(int32(self.weights[synapse.weight] + int32(dw)))

    def limit_weight(self, w: int) -> int:
        if not self.spec["w_check"]:
            return w
        bound = 2 ** self.spec["w_boundary"]
        return clip(w, -bound, bound - 1)

    # Steps 9 to 11

    def finish(self, t: int) -> None:
        """Spike reset or increment, second clipping, event times, modulator samples, records."""
        p = self.p
        for i in self.fired:
            group = p["nmap"][i]
            for k in range(self.s):
                if p["XresetOn"][group][k]:
                    self.y[i][k] = p["Xreset"][group][k]
                else:
                    self.y[i][k] = int32(self.y[i][k] + p["XspikeIncr"][group][k])
            self.clip_states(i)
            self.last[0][i] = t
            self.g[i] = self.y[i][p["modstate"][group]]
            self.spikes.append((t, i))
        for axon in self.events:
            self.last[1][axon] = t
        self.x = [list(row) for row in self.y]
        self.trace[t] = self.x
        if t in self.snap_ticks:
            self.snaps[t] = list(self.weights)

    # Draws

    def generator(self, what: str) -> Pcg32:
        if self.rng is None:
            raise ValueError(f"draws='none', but {what} needs random numbers")
        return self.rng

    def draw_noise(self, t: int, i: int, k: int, y: int, sigma: int) -> int:
        if self.draws == "stored":
            return self.p["noise"][t][i][k]
        return math.trunc(y + self.generator("additive noise").normal() * sigma) - y

    def draw_mask(self, t: int, synapse: Synapse, prob: int) -> int:
        if self.draws == "stored":
            bit = self.p["mask"][t][synapse.row]
            if bit < 0:
                raise ValueError(f"no mask is stored for synapse {synapse.row} at tick {t}")
            return bit
        if prob in (0, ALWAYS):
            return int(prob == ALWAYS)
        return int(self.generator("blank-out").below(ALWAYS) < prob)

    def draw_rounding(self, t: int, synapse: Synapse, side: int, bits: int) -> int:
        if self.draws == "stored":
            draw = self.p["rr_draw"][t][synapse.row][side]
            if draw < 0:
                raise ValueError(f"no rounding draw is stored for synapse {synapse.row} at tick {t}")
            return draw
        return self.generator("randomized rounding").below(2**bits)

    def result(self, record_draws: bool) -> Result:
        snaps = [self.snaps[t] for t in self.p["w_tick"]]
        return Result(
            X=self.trace,
            spikes=np.array(self.spikes, np.int32).reshape(-1, 2),
            w_snap=np.array(snaps, np.int32).reshape(len(snaps), len(self.weights)),
            w_final=np.array(self.weights, np.int32),
            mask=self.mask if record_draws else None,
            rr_draw=self.rr_draw if record_draws else None,
            noise=self.noise if record_draws else None,
        )


def simulate(
    spec: dict[str, Any],
    arrays: Arrays,
    *,
    draws: Draws,
    compat: Compat = "reference",
    record_draws: bool = False,
) -> list[Result]:
    """Run a program in the format of the fixtures and return one `Result` a core.

    `draws` names the source of random numbers: the arrays of the program, its seed, or none at all (a program that
    needs one then raises `ValueError`). All cores use one stream, core after core within each step. With
    `compat="documented"` the acausal exponential kernel decays with |dt| instead of growing. A duplicate event in one
    tick overwrites the recorded draws of its first occurrence, so such programs cannot be replayed from records.
    """
    rng = Pcg32(spec["seed"], spec["seq"]) if draws == "pcg32" else None
    cores = [Core(c, spec, arrays, draws, compat, rng) for c in range(spec["n_cores"])]
    routes: dict[tuple[int, int], list[tuple[int, int]]] = {}
    if spec["routing"]:
        for source_core, neuron, core, axon in np.asarray(arrays["routes"]).tolist():
            routes.setdefault((source_core, neuron), []).append((core, axon))
    for t in range(1, spec["ticks"]):
        for core in cores:
            core.integrate(t)
        for core in cores:
            for neuron in core.fired:
                for target, axon in routes.get((core.index, neuron), []):
                    cores[target].events.append(axon)
        for core in cores:
            core.deliver(t)
        for core in cores:
            core.learn(t)
        for core in cores:
            core.finish(t)
    return [core.result(record_draws) for core in cores]
