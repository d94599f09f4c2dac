"""`firetower bench torture`: the real daemon against everything that a tower may meet, one module a kind of attack."""
