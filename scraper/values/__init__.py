"""What a page prints, as numbers and moments: never a wrong one, else unknown and why.

- `counts`, `labels`: numbers, alone and among words
- `times`: moments, exact or within bounds
- `numerals`, `cldr`, `calendars`: how languages write them
"""
