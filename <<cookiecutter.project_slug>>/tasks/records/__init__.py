"""What is written down about an attempt.

ends.py          how it ended, in words
bill.py          what it cost
report.py        what it left for who looks for the reason: values.py of variables, log_lines.py
"""
