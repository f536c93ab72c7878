"""A handler that is a program: the payload is on standard input, the exit code says how it went.

    simctl trigger onUserUpdate --exec 'python3 samples/handlers/program.py'
"""

import json
import os
import sys


def main():
    payload = json.load(sys.stdin)
    event = os.environ.get("SIMCTL_EVENT", payload["event"])
    user = payload["data"]["user"]
    if event == "onUserCreate":
        print(f"welcome, {user.get('first_name', 'stranger')}")
        return 0
    if event == "onUserUpdate":
        for field in payload["data"]["changes"]:
            print(f"{field} has changed")
        return 0
    print(f"{event} is not for me", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
