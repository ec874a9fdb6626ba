"""Write interface files as C strings: embed.py OUT FILE..."""

import pathlib
import sys

out, files = sys.argv[1], sys.argv[2:]
lines = ['/* Made by proto/embed.py from the interface files. */', '',
         '#include "proto/calls.h"', '',
         '/* ISO C promises 4095 bytes; every compiler takes more. */',
         '#pragma GCC diagnostic ignored "-Woverlength-strings"']
for name in files:
    path = pathlib.Path(name)
    text = path.read_text(encoding='ascii')
    lines += ['', f'const char idl_{path.stem.replace(".", "_")}[] =']
    for line in text.splitlines():
        quoted = line.replace('\\', '\\\\').replace('"', '\\"')
        lines.append(f'\t"{quoted}\\n"')
    lines[-1] += ';'
pathlib.Path(out).write_text('\n'.join(lines) + '\n', encoding='ascii')
