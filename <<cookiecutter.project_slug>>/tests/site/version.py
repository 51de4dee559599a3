VERSION = "old"  # tests of new code write another one
