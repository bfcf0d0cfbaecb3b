# SPDX-License-Identifier: MIT
"""Small SVG pictures: a row per name, a bar to its median, a line from quartile to quartile."""

from xml.sax.saxutils import escape

ROW = 24
LEFT = 180
WIDTH = 460
RIGHT = 80
TOP = 44


def draw_row(y, row, x):
    name, low, middle, high, mark = row
    parts = [f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>',
             f'<rect x="{LEFT}" y="{y - 7}" width="{x(middle) - LEFT:.1f}" height="14" '
             'fill="#9db8d9"/>']
    if low != high:
        parts.append(f'<line x1="{x(low):.1f}" y1="{y}" x2="{x(high):.1f}" y2="{y}" '
                     'stroke="#223" stroke-width="2"/>')
    if mark is not None:
        parts.append(f'<line x1="{x(mark):.1f}" y1="{y - 11}" x2="{x(mark):.1f}" y2="{y + 11}" '
                     'stroke="#b22" stroke-width="2"/>')
    parts.append(f'<text x="{x(max(high, mark or 0)) + 6:.1f}" y="{y + 4}">{middle:.4g}</text>')
    return parts


def bars(path, title, legend, rows):
    """Writes rows of (name, low, middle, high, mark or None)."""
    most = max(max(row[3], row[4] or 0) for row in rows) or 1
    bottom = TOP + ROW * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" '
             f'height="{bottom + 30}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="10" y="22" font-size="15">{escape(title)}</text>']
    for number, row in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        parts += draw_row(y, row, lambda value: LEFT + WIDTH * value / most)
    parts.append(f'<text x="{LEFT}" y="{bottom + 20}" font-size="11">{escape(legend)}</text>')
    parts.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
