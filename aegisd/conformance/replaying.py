"""Exports, verified and decided again with nothing but the file and this installation's rules."""

import io
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.audit import derivation, rules
from aegisd.audit.anchors import NONE, Anchors
from aegisd.audit.export_log import ExportLog
from aegisd.audit.export_writing import write_export
from aegisd.audit.log import Log
from aegisd.audit.verification.export import verify_export
from aegisd.audit.verification.result import Verification
from aegisd.rows import Document


def export(log: Log, tenant_id: str, note: str = "") -> bytes:
    """A tenant's log as an export, with a signed checkpoint where there is one.

    Raises `LogCorrupt`, `SessionUnknown` and what reading does.
    """
    out = io.BytesIO()
    write_export(log, tenant_id, out, note=note)
    return out.getvalue()


def verify(data: bytes, anchors: Anchors = NONE) -> Verification:
    """Check an export, against what an auditor brought along."""
    return verify_export(io.BytesIO(data), anchors=anchors)


class Replays:
    """Decides exports again. Rules are compiled once for all of them."""

    def __init__(self, engine: str) -> None:
        """`engine` is `auto`, `regorus` or `regopy`. Raises `ConfigInvalid`."""
        self._source: ExportLog | None = None
        self._judge = rules.judge(self._document, engine)

    def derive(self, data: bytes) -> derivation.Derivation:
        """Derive every decision of an export that verifies."""
        with TemporaryDirectory(prefix="aegis-conformance-") as folder:
            path = Path(folder) / "export.jsonl"
            path.write_bytes(data)
            with closing(ExportLog(str(path))) as source:
                self._source = source
                return derivation.derive(source, source.tenants(), None, self._judge)

    def _document(self, digest: bytes) -> Document | None:
        return None if self._source is None else self._source.document(digest)
