"""Plots as SVG: lines and bars, nothing but what a browser draws by itself."""
import html
import math

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 34, 46
BAR_HEIGHT, GROUP_GAP, BAR_LEFT = 18, 16, 170
# Okabe and Ito's colours, which people tell apart however they see; the last ones serve for more.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#5d3a9b")


def colour_of(names):
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}


class Axis:
    """From values to places between `start` and `end`; logarithmic where asked."""

    def __init__(self, values, start, end, log=False):
        self.log = log
        low, high = min(values), max(values)
        if log:
            low, high = max(low, 1e-9), max(high, 1e-9)
            self.low, self.high = math.floor(math.log10(low)), math.ceil(math.log10(high))
            if self.low == self.high:
                self.high += 1
        else:
            self.low, self.high = min(0, low), high if high > 0 else 1
        self.start, self.end = start, end

    def at(self, value):
        inner = math.log10(max(value, 10 ** self.low)) if self.log else value
        share = (inner - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        if self.log:
            return [10 ** power for power in range(self.low, self.high + 1)]
        raw = (self.high - self.low) / 5
        size = 10 ** math.floor(math.log10(raw))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
        return [step * i for i in range(math.ceil(self.low / step), int(self.high / step) + 1)]


def number(value):
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{sign}"
    return f"{value:.3g}"


def _text(x, y, content, anchor="middle", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>'
            f"{html.escape(str(content))}</text>")


def _line(x1, y1, x2, y2, name):
    return f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _figure(width, height, title, parts):
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">'
            + _text(12, 20, title, "start", 'class="title"') + "".join(parts) + "</svg>")


def lines(title, series, x_label, y_label, colours, x_log=False, y_log=False, x_ticks=None):
    """`series`: points (x, y) by name. `x_ticks`: (x, label), where numbers say nothing."""
    points = [point for each in series.values() for point in each]
    if not points:
        return ""
    x = Axis([x for x, _ in points] + [at for at, _ in x_ticks or ()], LEFT, WIDTH - RIGHT, x_log)
    y = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP, y_log)
    parts = []
    for tick in y.ticks():
        parts += [_line(LEFT, y.at(tick), WIDTH - RIGHT, y.at(tick), "grid"),
                  _text(LEFT - 6, y.at(tick) + 4, number(tick), "end")]
    for tick, label in x_ticks or [(tick, number(tick)) for tick in x.ticks()]:
        parts += [_line(x.at(tick), HEIGHT - BOTTOM, x.at(tick), HEIGHT - BOTTOM + 4, "axis"),
                  _text(x.at(tick), HEIGHT - BOTTOM + 18, label)]
    parts += [_line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis"),
              _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label),
              _text(-(HEIGHT - BOTTOM + TOP) / 2, 14, y_label, extra='transform="rotate(-90)"')]
    ends = []
    for name, each in series.items():
        way = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in each)
        parts.append(f'<polyline points="{way}" stroke="{colours[name]}"/>')
        parts += [f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="2.5" fill="{colours[name]}">'
                  f"<title>{html.escape(name)}: {a:g}, {b:g}</title></circle>" for a, b in each]
        ends.append([y.at(each[-1][1]), x.at(each[-1][0]), name])
    return _figure(WIDTH, HEIGHT, title, parts + _names(ends, colours))


def _names(ends, colours):
    """Each line's name at its end, pushed apart where they would cover each other."""
    parts, free = [], 0
    for y, x, name in sorted(ends):
        y = max(y, free)
        free = y + 14
        parts.append(_text(x + 8, y + 4, name, "start", f'style="fill: {colours[name]}" class="name"'))
    return parts


def bars(title, groups, unit, colours):
    """`groups`: (name, [(series, median, lowest, highest)]); the range is a whisker."""
    every = [high for _, rows in groups for _, _, _, high in rows]
    if not every:
        return ""
    height = TOP + sum(len(rows) * BAR_HEIGHT + GROUP_GAP for _, rows in groups) + 10
    x = Axis([0, *every], BAR_LEFT, WIDTH - 120)
    parts, y = [], TOP + 4
    for group, rows in groups:
        parts.append(_text(BAR_LEFT - 10, y + 13, group, "end"))
        for name, median, low, high in rows:
            middle = y + BAR_HEIGHT / 2
            parts += [
                f'<rect x="{BAR_LEFT}" y="{y + 2}" height="{BAR_HEIGHT - 4}" '
                f'width="{max(1.0, x.at(median) - BAR_LEFT):.1f}" fill="{colours[name]}"/>',
                _line(x.at(low), middle, x.at(high), middle, "whisker"),
                _text(x.at(high) + 6, middle + 4, f"{number(median)} {unit} {name}", "start")]
            y += BAR_HEIGHT
        y += GROUP_GAP
    return _figure(WIDTH, height, title, parts)
