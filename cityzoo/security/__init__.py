"""Who may do what, and what nobody may change unnoticed: access, audit log, signatures, encryption, checks."""
