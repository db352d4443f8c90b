"""A real browser: the machine's Chromium, or Debian's."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import NamedTuple

from debian_packages import environment, unpacked

__all__ = ["Chromium", "chromium"]

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{root}/usr/share/fonts</dir>
  <cachedir>{root}/fonts</cachedir>
  <include ignore_missing="yes">/etc/fonts/conf.d</include>
</fontconfig>
"""


class Chromium(NamedTuple):
    """The path of its program, and the environment in which it works."""

    program: str
    environ: dict[str, str]


@cache
def chromium() -> Chromium:
    """Skips where none is to be had."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if program := shutil.which(name):
            return Chromium(program, dict(os.environ))
    root = unpacked("chromium", "fonts-dejavu-core")
    fonts = root / "fonts.conf"
    if not fonts.exists():
        whole = fonts.with_suffix(f".{os.getpid()}")  # another worker may be reading it
        whole.write_text(FONTS.format(root=root))
        whole.rename(fonts)
    return Chromium(
        str(root / "usr/lib/chromium/chromium"), environment(root) | {"FONTCONFIG_FILE": str(fonts)}
    )
