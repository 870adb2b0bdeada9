"""Fictional motorways of a town: two crossing roads, both directions, a sensor about every kilometer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.sensors.faults import KM_A_DEGREE, PLACE, generator

DIRECTIONS = ("north", "south", "east", "west")  # driving direction of each corridor
CELLS = 10  # of a corridor; each has its sensor in the middle
CROSSING = 4  # its end is the interchange in the middle of the town
TURNS = {0: (2, 3), 1: (2, 3), 2: (0, 1), 3: (0, 1)}  # corridor -> corridors that one turns into
LEAST_WEIGHT = 0.1  # of an edge, as in Li et al. 2018


@dataclass(frozen=True)
class Network:
    """Roads divided into cells with one sensor each; N = 40."""

    sensors: tuple[str, ...]  # N names, numbered in driving direction, such as "north_01"
    corridors: np.ndarray  # (N,) int, positions in DIRECTIONS
    lengths_km: np.ndarray  # (N,) float64
    lanes: np.ndarray  # (N,) int, 2 or 3
    free_speeds: np.ndarray  # (N,) float64 km/h on an empty road in dry weather
    entering: np.ndarray  # (N,) float64, relative inflow; largest at the start of a corridor
    moves: np.ndarray  # (N, N) float64, share of the outflow of the row's cell that enters the column's
    places: np.ndarray  # (N, 2) float64 latitude, longitude in degrees

    @property
    def ahead(self) -> np.ndarray:
        """Return (N,) int, the next cell of the same corridor, -1 at its end."""
        cells = np.arange(len(self.sensors))
        return np.where(cells % CELLS == CELLS - 1, -1, cells + 1)


def draw_network(seed: int) -> Network:
    """Return the network of a seed."""
    rng = generator(seed, 0)
    axes = rng.uniform(1.0, 1.8, (2, CELLS))  # cells have the same ends in both directions
    lengths = np.concatenate([axes[0], axes[0][::-1], axes[1], axes[1][::-1]])
    corridors = np.repeat(np.arange(4), CELLS)
    cells = np.tile(np.arange(CELLS), 4)
    lanes = np.full(4 * CELLS, 3)
    for corridor in range(4):  # two lane drops: before and after the middle of the town
        lanes[corridor * CELLS + rng.choice([2, 3, 4, 5])] = 2
        lanes[corridor * CELLS + rng.choice([6, 7, 8, 9])] = 2
    entering = np.where(cells == 0, 1.0, rng.uniform(0.0, 0.22, 4 * CELLS) * (rng.random(4 * CELLS) < 0.6))
    free = rng.uniform(94, 112, 4 * CELLS)
    names = tuple(f"{DIRECTIONS[c]}_{k + 1:02d}" for c, k in zip(corridors, cells, strict=True))
    moves = _moves(rng, corridors, cells)
    return Network(names, corridors, lengths, lanes, free, entering, moves, _places(rng, axes))


def _moves(rng: np.random.Generator, corridors: np.ndarray, cells: np.ndarray) -> np.ndarray:
    moves = np.zeros((len(cells), len(cells)))
    leaving = rng.uniform(0.0, 0.2, len(cells)) * (rng.random(len(cells)) < 0.6)  # by off-ramps
    for cell, (corridor, number) in enumerate(zip(corridors, cells, strict=True)):
        if number == CROSSING:
            left, right = rng.uniform(0.06, 0.16, 2)
            for turn, share in zip(TURNS[int(corridor)], (left, right), strict=True):
                moves[cell, turn * CELLS + CROSSING + 1] = share
            leaving[cell] = left + right
        if number < CELLS - 1:
            moves[cell, cell + 1] = 1 - leaving[cell]
    return moves


def _places(rng: np.random.Generator, axes: np.ndarray) -> np.ndarray:
    """Return places on two slightly curved roads, with directions 20 m apart."""
    found = []
    for axis, heading in zip(axes, (np.pi / 2, 0.0), strict=True):
        ends = np.concatenate([[0.0], np.cumsum(axis)])
        along = (ends[1:] + ends[:-1]) / 2 - ends[CROSSING + 1]
        bend = rng.uniform(-0.02, 0.02)
        for way in (1, -1):
            across = bend * along**2 - 0.02 * way
            east = along * np.cos(heading) - across * np.sin(heading)
            north = along * np.sin(heading) + across * np.cos(heading)
            found.append(np.stack([north, east], -1)[::way])
    latitude, longitude = PLACE
    degrees = np.concatenate(found) / KM_A_DEGREE
    return degrees / [1.0, np.cos(np.radians(latitude))] + [latitude, longitude]


def distances(network: Network) -> np.ndarray:
    """Return (N, N) float64 km by road from the row's sensor to the column's, inf without a route."""
    length = network.lengths_km
    far = np.where(network.moves > 0, (length[:, None] + length) / 2, np.inf)
    np.fill_diagonal(far, 0.0)
    for through in range(len(length)):  # Floyd 1962
        far = np.minimum(far, far[:, through, None] + far[through])
    return far


def adjacency(network: Network) -> np.ndarray:
    """Return weights (N, N) float32 0..1 of the routes from the row's sensor to the column's.

    exp(-(distance / s)^2) with s the distances' standard deviation, 0 below 0.1: Li, Yu, Shahabi, Liu,
    "Diffusion Convolutional Recurrent Neural Network", 2018.
    """
    far = distances(network)
    weights = np.exp(-((far / far[np.isfinite(far)].std()) ** 2))
    return np.where(weights < LEAST_WEIGHT, 0, weights).astype(np.float32)
