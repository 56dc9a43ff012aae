"""`python -m drills.faults.steady PORT SECONDS`: a steady good load, and the worst of its answers.

A process of its own, so that whoever floods the daemon meanwhile does not slow what is measured.
"""

import sys
import time

from drills.daemon import Client

# Proposals a second, one after another: what one busy agent sends.
PER_SECOND = 50


def main(port: int, seconds: float) -> None:
    """Propose at an even pace and print the milliseconds that 99 of 100 answers took at most."""
    client = Client(port)
    client.propose("steady")
    times = []
    start = time.perf_counter()
    for number in range(int(PER_SECOND * seconds)):
        due = start + number / PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        client.propose("steady")
        times.append(time.perf_counter() - asked)
    client.close()
    sys.stdout.write(f"{1000 * sorted(times)[len(times) * 99 // 100]:.1f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
