"""What a person reads: tables, ladder diagrams, reports."""
