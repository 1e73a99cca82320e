"""How sites run: the process of one site, and the supervisor that keeps several of them."""
