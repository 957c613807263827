"""Bodies of requests: read up to a limit, as JSON or as a picture."""

from __future__ import annotations

import json
import warnings
from io import BytesIO
from typing import Any

from starlette.requests import Request

from skxmr.app.refusal import RefusalError

# Formats of pictures that are taken. Others may start programs, or are read by code that is rarely tried.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Bytes beyond a limit that are still read and thrown away: many clients read no answer before they have sent all.
_DRAINED = 64_000_000


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request; refuse one that has more bytes than a limit, of which no more is kept."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if size > limit + _DRAINED:
            break
    if size > limit:
        raise RefusalError(413, f"What was sent is too large; at most {limit:,} bytes are possible here.")
    return b"".join(parts)


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds."""
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"The body is no JSON ({error}).") from error
    if not isinstance(found, dict):
        raise RefusalError(400, 'The body is no object of JSON; send one such as {"text": "a red bird"}.')
    return found


def format_of(body: bytes, max_pixels: int) -> str:
    """Return the format of a picture; refuse what is none, a broken one, and one that would need much memory."""
    from PIL import Image

    if not body:
        raise RefusalError(400, "There is no picture in the request; send its bytes as the body.")
    try:
        with warnings.catch_warnings():
            # PIL warns of large pictures, whose size is checked below.
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(body), formats=FORMATS) as image:
                _check_size(image.size, max_pixels)
                image.load()
                return str(image.format)
    except RefusalError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many(max_pixels) from error
    except Exception as error:
        # Decoders raise errors of many kinds for broken files.
        raise RefusalError(
            400,
            f"This is no picture that can be read; send a file in one of {', '.join(FORMATS)}, of at least a pixel.",
        ) from error


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise _too_many(max_pixels)


def _too_many(max_pixels: int) -> RefusalError:
    return RefusalError(413, f"The picture has too many pixels; at most {max_pixels / 1e6:g} million are possible.")
