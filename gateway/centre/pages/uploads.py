"""A file that a form sends: held in memory alone, since it may name people, and no larger than a list may be."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gateway.centre.lists.sheet import MOST_BYTES

_AROUND = 65_536
"""What a form may add around its file."""


async def uploaded(request: Request, field: str) -> bytes:
    """The file in a field of a multipart form; b"" where none was chosen.

    Raises:
        HTTPException: 413 where it is larger than 32 MB, 422 where it is no such form.
    """
    parser = MultiPartParser(request.headers, _limited(request.stream()), max_files=1, max_fields=8)
    parser.spool_max_size = MOST_BYTES + _AROUND  # never a temporary file: nothing personal lies on a disk in clear
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        raise HTTPException(422) from None
    try:
        file = form.get(field)
        return await file.read() if isinstance(file, UploadFile) else b""
    finally:
        await form.close()


async def _limited(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    so_far = 0
    async for part in stream:
        so_far += len(part)
        if so_far > MOST_BYTES + _AROUND:
            raise HTTPException(413)
        yield part
