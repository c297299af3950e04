"""A hand that closes windows, as a person does by the cross in their corner: it asks X for it."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

CLIENT_MESSAGE = 33


class _ClientMessage(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("padding", ctypes.c_long * 24),
    )


def close_windows(display: str) -> int:
    """Ask all windows on `display` to close; how many there were."""
    x = _library()
    opened = x.XOpenDisplay(display.encode())
    try:
        protocols, delete = (x.XInternAtom(opened, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        asked = [window for window in _windows(x, opened) if _can_be_asked(x, opened, window)]
        for window in asked:
            data = (ctypes.c_long * 5)(delete, 0)
            event = _ClientMessage(CLIENT_MESSAGE, 0, 1, opened, window, protocols, 32, data)
            x.XSendEvent(opened, window, 0, 0, ctypes.byref(event))
        return len(asked)
    finally:
        x.XCloseDisplay(opened)


def _windows(x: Any, display: Any) -> list[int]:
    root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
    children = ctypes.POINTER(ctypes.c_ulong)()
    pointers = [ctypes.byref(one) for one in (root, parent, children, count)]
    x.XQueryTree(display, x.XDefaultRootWindow(display), *pointers)
    found = [children[place] for place in range(count.value)]
    if found:
        x.XFree(children)
    return found


def _can_be_asked(x: Any, display: Any, window: int) -> bool:
    atoms, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_int()
    if not x.XGetWMProtocols(display, window, ctypes.byref(atoms), ctypes.byref(count)):
        return False
    x.XFree(atoms)
    return count.value > 0


def _library() -> Any:
    x = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    pointer, number = ctypes.c_void_p, ctypes.c_ulong
    x.XOpenDisplay.restype, x.XOpenDisplay.argtypes = pointer, [ctypes.c_char_p]
    x.XDefaultRootWindow.restype, x.XDefaultRootWindow.argtypes = number, [pointer]
    x.XInternAtom.restype, x.XInternAtom.argtypes = number, [pointer, ctypes.c_char_p, ctypes.c_int]
    x.XQueryTree.argtypes = [pointer, number, pointer, pointer, pointer, pointer]
    x.XGetWMProtocols.argtypes = [pointer, number, pointer, pointer]
    x.XSendEvent.argtypes = [pointer, number, ctypes.c_int, ctypes.c_long, pointer]
    x.XFree.argtypes, x.XCloseDisplay.argtypes = [pointer], [pointer]
    return x
