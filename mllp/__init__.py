"""MLLP, the transport of HL7 v2: a library of its own that knows nothing of the engine.

`framing` (bytes to messages) and `session` (one connection: bytes, answers and time in, `commands`
out) are pure. `server` and `connection` carry the commands out with Twisted, `client` sends, `tls`
secures both. Of HL7 content only `answers` reads anything: MSH-10, MSA-1 and MSA-2, for the client.
"""
