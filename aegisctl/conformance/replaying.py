"""Exports, verified and decided again with nothing but the file and this installation's rules."""

import io
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisctl import derivation, rules
from aegisctl.display import silent
from aegisctl.draft import Draft, Scope
from aegisctl.exported import ExportLog
from aegisctl.integrity import anchors
from aegisctl.integrity.anchors import Anchors
from aegisctl.integrity.exported import check_export
from aegisctl.integrity.report import Report
from aegisctl.log import Log
from aegisctl.transfer import write_draft
from aegisd.ports import Document


def export(log: Log, tenant_id: str, note: str = "") -> bytes:
    """A tenant's log as an export, with a signed checkpoint where there is one.

    Raises `LogCorrupt`, `SessionUnknown` and what reading does.
    """
    scope = Scope(tenant_id=tenant_id, session_id=None, values=False, end=None, note=note)
    out = io.BytesIO()
    with closing(Draft.temporary(scope)) as draft:
        write_draft(log, draft, out, silent)
    return out.getvalue()


def verify(data: bytes, brought: Anchors = anchors.NONE) -> Report:
    """Check an export, against what an auditor brought along."""
    return check_export(io.BytesIO(data), None, silent, brought)


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
                try:
                    tenants = source.tenants()
                    return derivation.derive(source, tenants, None, self._judge, silent)
                finally:
                    self._source = None

    def _document(self, digest: bytes) -> Document | None:
        return None if self._source is None else self._source.document(digest)
