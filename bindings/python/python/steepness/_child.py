"""One run of `steepness.compare`, in a process of its own: ``python -m steepness._child FUNCTION``.

Where the comparison trains in the process that asked for it, `STEEPNESS_RELAY` names a socket of that
process: it makes the run, and this one waits for it.
"""

import json
import os
import socket
import sys


def main() -> None:
    """Make the run that the environment says."""
    relay = os.environ.get("STEEPNESS_RELAY")
    if relay is None:
        from steepness._function import call, find
        from steepness._run import Run

        call(find(sys.argv[1]), Run.current())
        return
    asked = {name: value for name, value in os.environ.items() if name.startswith("STEEPNESS_")}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(relay)
        connection.sendall(json.dumps(asked).encode() + b"\n")
        said = connection.makefile(encoding="utf-8").read()
    answer = json.loads(said) if said else {"error": "the process that trains has ended"}
    if answer["error"]:
        sys.exit(answer["error"])


if __name__ == "__main__":
    main()
