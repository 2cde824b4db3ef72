# shellcheck shell=bash

# field FILE NAME...: a member of a JSON object, or of an object within it
field() {
  python3 -c '
import functools, json, sys
print(functools.reduce(lambda value, name: value[name], sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"
}
