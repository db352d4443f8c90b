"""Pages for people: rendered here, autoescaped, without scripts, without anything from elsewhere.

A page is a list of Starlette routes that takes what it needs as arguments; who may see it is the business of
whoever serves it (`serving` for one person on this machine).
"""
