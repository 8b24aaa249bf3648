"""A saved classifier as a web service: python examples/serve.py kettles --port 8000

    curl -F image=@a.jpg 'http://127.0.0.1:8000/predict?top_k=3'

Needs the extra [serve]. An image is at most MEGABYTES large, and has at most PIXELS pixels.
"""

import argparse
import io
import sys
from typing import Annotated, Any

from PIL import Image

from rpo import FewShotClassifier

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException, Query, Request, UploadFile
    from fastapi.responses import JSONResponse
except ModuleNotFoundError as error:
    sys.exit(f"{sys.argv[0]} needs {error.name}: pip install 'rpo-clip[serve]'")

MEGABYTES, PIXELS = 10, 50_000_000


def build(classifier: FewShotClassifier) -> FastAPI:
    """The service of one classifier."""
    service = FastAPI(title="rpo")

    @service.middleware("http")
    async def limit(request: Request, call_next: Any) -> Any:
        """Refuses before anything is read, also where no length is given."""
        length = request.headers.get("content-length", "" if request.method == "POST" else "0")
        if not length.isdigit() or int(length) > MEGABYTES * 2**20:
            reason = f"a request has at most {MEGABYTES} MB, and a Content-Length"
            return JSONResponse({"detail": reason}, 413)
        return await call_next(request)

    @service.get("/classes")
    def classes() -> list[str]:
        return [str(name) for name in classifier.classes_]

    @service.post("/predict")
    def predict(image: UploadFile, top_k: Annotated[int, Query(ge=1)] = 5) -> list[dict[str, Any]]:
        try:
            opened = Image.open(io.BytesIO(image.file.read()))
            if opened.width * opened.height > PIXELS:
                raise HTTPException(413, f"an image has at most {PIXELS:,} pixels")
            return classifier(opened, top_k=top_k)
        # Pillow's errors are of all sorts; that an image is none it says by an OSError.
        except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
            raise HTTPException(422, f"{image.filename} cannot be read as an image") from error

    return service


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classifier", help="folder of `rpo fit` or `rpo export`")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    try:
        classifier = FewShotClassifier.from_pretrained(args.classifier)
    except (OSError, ValueError, ImportError) as error:  # what it was given cannot be served
        sys.exit(f"serve.py: {error}")
    uvicorn.run(build(classifier), host=args.host, port=args.port)


if __name__ == "__main__":
    main()
