"""Pictures: pixels of a PNG and check of an SVG."""

import xml.etree.ElementTree as ET
from io import BytesIO

import numpy as np
from PIL import Image

WHITE, DARK_BLUE, HATCH = (255, 255, 255), (8, 48, 107), (244, 244, 244)
BLUE, GREEN = (0, 114, 178), (0, 158, 115)


def pixels(png: bytes) -> np.ndarray:
    """Return the colours, (height, width, 3)."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def share_of(colour: tuple[int, int, int], png: bytes) -> float:
    """Return the share of the pixels that have a colour."""
    return float((pixels(png) == colour).all(axis=2).mean())


def is_svg(content: bytes) -> bool:
    """Test if the content is an SVG file."""
    return ET.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes
