"""Files of a corpus, found and rewritten."""

import hashlib
import json
from pathlib import Path


def only_file(directory="corpus"):
    (path,) = Path(directory).glob("*.case.json")
    return path


def rewritten(path, change):
    """Changes a file and gives it the name that its content promises."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    text = json.dumps(document)
    path.unlink()
    path = path.with_name(f"case-{hashlib.sha256(text.encode()).hexdigest()[:12]}.case.json")
    path.write_text(text, encoding="utf-8")
    return path


def put_noise(corpus):
    (corpus / "noise.case.json").write_bytes(bytes(range(256)))
