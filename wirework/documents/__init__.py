"""Strict YAML in which every value knows its file and line.

Made for files that people write by hand and for files that nobody should trust: only plain data
comes out (text, numbers, yes/no, nothing, mappings, lists) and what the caller makes of the tags
it names; whatever is ambiguous is refused in one line that names the place. This is YAML 1.1
(https://yaml.org/spec/1.1/) without its traps: dates and ``22:22`` stay text, and keys are always
text.
"""

from __future__ import annotations

from wirework.documents.build import MAX_DEPTH as MAX_DEPTH
from wirework.documents.build import MAX_MISTAKES as MAX_MISTAKES
from wirework.documents.build import MAX_VALUES as MAX_VALUES
from wirework.documents.build import Tags as Tags
from wirework.documents.reading import MAX_BYTES as MAX_BYTES
from wirework.documents.reading import parse as parse
from wirework.documents.reading import read as read
from wirework.documents.reading import text as text
from wirework.documents.values import Document as Document
from wirework.documents.values import Map as Map
from wirework.documents.values import Seq as Seq
from wirework.documents.writing import write as write
