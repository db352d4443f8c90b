"""The proof that nothing that identifies a patient leaves the engine: `wardline prove-phi`.

Messages with a canary in every place of every row of the policy's table go through a running engine, and then
every byte that it wrote or said is searched for them (spec: PHI, P01 to P03 and P12).
"""
