"""The whole of imagekit through its command line, judged by real readers of what it makes."""
