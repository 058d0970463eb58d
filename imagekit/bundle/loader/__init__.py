"""What goes into a ZIP as `imagekit_loader`: unpacks to `/tmp`, at start, what did not fit.

It runs in the function, so it is written for what is there: Python 3.11 or later on Linux, its
standard library, and nothing else of imagekit's or of the function's.
"""
