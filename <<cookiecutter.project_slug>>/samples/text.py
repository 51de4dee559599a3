def storable(text: str, most: int = 500) -> str:
    """At most so many characters of a stranger's text, without what neither UTF-8 nor PostgreSQL stores.

    Those are lone surrogates and NUL.
    """
    return text[:most].replace("\0", "").encode(errors="replace").decode()
