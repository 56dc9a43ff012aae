"""What-ifs: questions of whoever asks, about a world of their own. Nothing of them is recorded.

Each may bring a manifest, which is compiled in for it alone. So they have a judge and a thread for
themselves: however many there are, they push nothing out of the gate's, and no decision waits.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aegisd.core import gate
from aegisd.core.capabilities import Capabilities
from aegisd.core.policy.input import Moment, Snapshot
from aegisd.core.policy.verdict import Verdict, failed
from aegisd.core.proposal import Proposal
from aegisd.engine.commands.control import document
from aegisd.engine.configured import Configured
from aegisd.ports import Clock, LiveJudge


class WhatIfs:
    """Of one engine, asked on its event loop."""

    def __init__(self, judge: LiveJudge, clock: Clock, configured: Configured) -> None:
        self._judge, self._clock, self._configured = judge.apart(), clock, configured
        self._thread = ThreadPoolExecutor(1, "what-if")

    async def judge(
        self, proposal: Proposal, counters: Snapshot, capabilities: Capabilities
    ) -> Verdict:
        """Judge by the configured bundle. Raises `ManifestInvalid` for a zone nobody knows."""
        now_ms = self._clock.now_ms()
        offset = self._clock.utc_offset_s(capabilities.manifest.zone, now_ms)
        moment = Moment(now_ms=now_ms, utc_offset_s=offset)

        def judged() -> Verdict | None:
            self._configured.tell(self._judge)
            if capabilities.document:
                self._judge.keep(document("manifest", capabilities.document))
            asked = gate.suppose(proposal, counters, capabilities, moment)
            bundle = self._configured.bundle_digest
            return self._judge.judge(bundle, capabilities.digest, asked)

        told = await asyncio.get_running_loop().run_in_executor(self._thread, judged)
        return told or failed("error")

    def close(self) -> None:
        """End the thread; nobody waits for a question that is still open."""
        self._thread.shutdown(wait=False, cancel_futures=True)
