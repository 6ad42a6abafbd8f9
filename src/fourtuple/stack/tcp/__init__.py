"""TCP as RFC 9293 has it, and as Linux does where RFCs leave a choice."""
