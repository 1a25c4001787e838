"""`dtq` and `python -m shared.cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from shared.cli.doctor import doctor
from shared.cli.output import JsonOutput, Output, is_rich_there
from shared.cli.parser import parse
from shared.client import ApiError, Client, WaitTimeout
from shared.errors import DtqError

OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 for done; 1 when the API refuses, or a task that was waited for did not complete; 2 for a
        wrong command line or setting.
    """
    chosen = parse(arguments)
    if chosen.command is doctor:  # asks Redis, not the API
        return int(doctor(chosen))
    if chosen.json:
        output: Output = JsonOutput(sys.stdout)
    elif not is_rich_there():
        sys.stderr.write("dtq: tables need the package rich: pip install 'dtq[cli]', or add --json.\n")
        return USAGE
    else:
        from shared.cli.tables import TableOutput

        output = TableOutput()
    try:
        with Client(chosen.url) as client:
            return int(chosen.command(client, chosen, output) or OK)
    except (ApiError, WaitTimeout) as error:
        output.fail(error)
        return FAILED
    except DtqError as error:  # a wrong setting, a payload that is no JSON
        output.fail(error)
        return USAGE
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our lines has seen enough
        return OK
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
