"""Learning curves: losses and learning rate over the training steps, with n-gram baselines."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.errors import InvalidValue, need
from charrnn.insight import chart
from charrnn.storage.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The picture has no background: each colour has contrast on white and on black notebooks.
INK, TRAIN, VALID, BASELINE = "#7f7f7f", "#2a78d6", "#d9591f", "#7f7f7f"
MOST_POINTS = 2000  # points drawn of a curve
SMOOTHED = 200  # at most so many windows of steps, over each of which the training loss is averaged
FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, eq=False)
class Curves:
    """The course of training. It shows as a picture in a notebook and as a chart of characters in a terminal.

    Attributes
    ----------
    step, loss, learnrate : numpy.ndarray
        Values of every training step, (steps,); losses in nats per `unit`.
    valid_step, valid_loss : numpy.ndarray
        Step and loss of every validation, (validations,); never nan.
    ngrams : mapping of int to float
        The validation loss of character n-grams by their order; see `charrnn.insight.ngrams`.
    unit : str
        The unit of the data: losses are in nats per `unit`.
    valid_measured : tuple of str
        What each validation loss was measured on, "" for the whole data; () if all were on the whole.

    Examples
    --------
    >>> steps = np.arange(1, 101)
    >>> curves = Curves(steps, 3 / steps**0.2, np.full(100, 1e-3), np.array([50, 100]), np.array([1.5, 1.3]), {1: 2.0})
    >>> curves.best
    (100, 1.3)
    """

    step: np.ndarray
    loss: np.ndarray
    learnrate: np.ndarray
    valid_step: np.ndarray
    valid_loss: np.ndarray
    ngrams: Mapping[int, float]
    unit: str = "character"
    valid_measured: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and loss of the best validation of those on the whole data, or on the same part as the last."""
        if not len(self.valid_loss):
            return None
        measured = np.asarray(self.valid_measured or [""] * len(self.valid_loss))
        same = measured == ("" if "" in measured else measured[-1])
        at = int(np.argmin(np.where(same, self.valid_loss, np.inf)))
        return int(self.valid_step[at]), float(self.valid_loss[at])

    @property
    def best_ngram(self) -> tuple[int, float] | None:
        """Order and loss of the best n-gram."""
        return min(self.ngrams.items(), key=lambda item: item[1], default=None)

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and highest loss shown; the noise of batches and the fall at the beginning may lie outside."""
        first, last = self.span
        points = np.concatenate([self.smooth, [self.valid_step, self.valid_loss]], axis=1)
        later = points[1, points[0] >= first + (last - first) / 50]
        shown = [*later, *([self.best_ngram[1]] if self.best_ngram else [])]
        shown = [loss for loss in shown if math.isfinite(loss)]
        low, high = min(shown), max(shown)
        margin = 0.06 * (high - low) or 0.1
        return low - 1.5 * margin, high + margin

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last step that is shown."""
        steps = [*self.step[:1], *self.step[-1:], *self.valid_step]
        return int(min(steps)), int(max(steps))

    @property
    def smooth(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and training losses averaged over windows, which removes the noise of batches."""
        size = max(1, len(self.step) // SMOOTHED)
        ends = np.arange(size, len(self.step) + 1, size)
        sums = np.concatenate([[0.0], np.cumsum(self.loss, dtype=np.float64)])
        return self.step[ends - 1], (sums[ends] - sums[ends - size]) / size

    def save(self, file: str | os.PathLike[str]) -> Path:
        """Write the picture to a file and return its path; the suffix chooses the format.

        Raises
        ------
        InvalidValue
            If the suffix is not one of `FORMATS`.
        NotInstalled
            If matplotlib is not installed.
        SaveFailed
            If the file cannot be written.
        """
        path = Path(file)
        if path.suffix.lower() not in FORMATS:
            raise InvalidValue(f"{path} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, the kind of picture.")
        write_atomically(path, self._image(path.suffix.lower()[1:]))
        return path

    def figure(self) -> Figure:
        """Return the picture as a matplotlib figure, to change it.

        Raises
        ------
        NotInstalled
            If matplotlib is not installed.
        """
        need("matplotlib", "notebook")
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.6), dpi=110)
        figure.subplots_adjust(0.11, 0.11, 0.785, 0.98, hspace=0.08)  # room for names; measuring it is slow
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        _draw_losses(self, losses)
        _draw_rates(self, rates)
        for axes in (losses, rates):
            axes.yaxis.set_label_coords(-0.095, 0.5)
        return figure

    def _image(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format=kind, transparent=True)
        return buffer.getvalue()

    def _repr_png_(self) -> bytes | None:
        try:
            return self._image("png")
        except ImportError:
            return None  # the chart is shown instead

    def __repr__(self) -> str:
        return self.chart()

    def chart(self, width: int | None = None) -> str:
        """Return the curves drawn with characters, `width` columns wide or as wide as the terminal."""
        return chart.draw(
            (self.smooth[0], self.smooth[1]),
            (self.valid_step, self.valid_loss),
            self.span,
            self.limits,
            self.best,
            self.best_ngram[1] if self.best_ngram else None,
            f"nats per {self.unit}",
            self._legend(),
            width,
        )

    def _legend(self) -> list[str]:
        facts = []
        if len(self.step):
            facts.append(f"{chart.TRAIN} training {self.smooth[1][-1]:.3f}")
        if len(self.valid_loss):
            facts.append(f"{chart.VALID} validation {self.valid_loss[-1]:.3f}")
        if self.best:
            facts.append(f"{chart.BEST} best {self.best[1]:.3f} at step {self.best[0]:,}")
        if self.best_ngram:
            facts.append(f"{chart.BASELINE} {self.best_ngram[0]}-gram {self.best_ngram[1]:.3f}")
        if len(self.learnrate):
            facts.append(f"learning rate {self.learnrate[-1]:.3g}")
        return facts


def _draw_losses(curves: Curves, axes: Axes) -> None:
    labels: list[tuple[float, str, str]] = []
    every = max(1, len(curves.step) // MOST_POINTS)
    axes.plot(curves.step[::every], curves.loss[::every], color=TRAIN, linewidth=0.6, alpha=0.3)
    if len(curves.step):
        steps, losses = curves.smooth
        axes.plot(steps, losses, color=TRAIN, linewidth=1.8)
        labels.append((losses[-1], f"training {losses[-1]:.3f}", TRAIN))
    if len(curves.valid_loss):
        axes.plot(curves.valid_step, curves.valid_loss, color=VALID, linewidth=1.8, marker="o", markersize=3.5)
        last, best = float(curves.valid_loss[-1]), curves.best == (curves.valid_step[-1], curves.valid_loss[-1])
        labels.append((last, f"validation {last:.3f}{', the best' * best}", VALID))
    if curves.best:
        axes.plot(*curves.best, marker="o", markersize=10, markerfacecolor="none", markeredgecolor=VALID)
    if curves.best and not best:
        axes.annotate(
            f"best {curves.best[1]:.3f}",
            curves.best,
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=VALID,
            fontsize=9,
        )
    low, high = curves.limits
    for order, loss in curves.ngrams.items():
        if low < loss < high:
            axes.axhline(loss, color=BASELINE, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.8, zorder=0)
            labels.append((loss, f"{order}-gram {loss:.3f}", BASELINE))
    axes.set_ylim(low, high)
    axes.set_ylabel(f"nats per {curves.unit}", color=INK)
    axes.margins(x=0.01)
    _label_ends(axes, labels, (high - low) / 17)
    _plain(axes)


def _label_ends(axes: Axes, labels: list[tuple[float, str, str]], apart: float) -> None:
    """Write each curve's name at its right end, moved up if it would cover another name."""
    height = -math.inf
    for loss, text, colour in sorted(labels):
        height = max(loss, height + apart)
        axes.annotate(
            text,
            (1, height),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )


def _draw_rates(curves: Curves, axes: Axes) -> None:
    axes.plot(curves.step, curves.learnrate, color=INK, linewidth=1.4, drawstyle="steps-pre")
    axes.set_ylabel("learning\nrate", color=INK)
    axes.set_xlabel("training steps", color=INK)
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if len(curves.learnrate):
        low, high = float(curves.learnrate.min()), float(curves.learnrate.max())
        if low > 0 and high > 8 * low:
            axes.set_yscale("log")
        else:
            low = 0.0
            axes.set_ylim(low, 1.15 * high)
        axes.set_yticks([low, high], [f"{rate:.2g}" for rate in (low, high)])
        axes.minorticks_off()  # more labels would overlap
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)


def of_history(
    steps: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray],
    ngrams: Mapping[int, float],
    unit: str = "character",
) -> Curves:
    """Return the curves of a history, given its `steps` and `columns`.

    Raises
    ------
    InvalidValue
        If the history is still empty.
    """
    nothing = np.zeros(0)
    valid = np.asarray(rows.get("valid_loss", nothing), np.float64)
    measured = np.isfinite(valid)
    if not measured.any() and not len(steps.get("step", nothing)):
        raise InvalidValue("There is nothing to plot yet: ms.train() writes the history that is drawn.")
    columns: dict[str, Any] = {name: np.asarray(steps.get(name, nothing)) for name in ("step", "loss", "learnrate")}
    return Curves(
        **columns,
        valid_step=np.asarray(rows.get("step", nothing))[measured],
        valid_loss=valid[measured],
        ngrams=ngrams,
        unit=unit,
        valid_measured=tuple(on if isinstance(on, str) else "" for on in rows["measured"][measured])
        if "measured" in rows
        else (),
    )
