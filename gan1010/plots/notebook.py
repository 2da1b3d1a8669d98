"""HTML for notebooks: a caption, and the plots inside it, so that a saved notebook needs no other file."""

import base64
from html import escape

PNG_WIDTH = slice(16, 20)  # the place of a picture's width in pixels
PIXELS = 1.5  # of a plot for each pixel of a page


def html(caption: str, *plots: bytes) -> str:
    """Return HTML with a caption and plots, which are PNG."""
    images = (
        f'<img alt="{escape(caption)}" width="{int.from_bytes(plot[PNG_WIDTH]) / PIXELS:.0f}"'
        f' style="display: block" src="data:image/png;base64,{base64.b64encode(plot).decode()}">'
        for plot in plots
    )
    return f"<div><code>{escape(caption)}</code>{''.join(images)}</div>"
