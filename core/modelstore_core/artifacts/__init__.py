"""A version's files: made in a fresh folder, sent while they are hashed, checked before anyone reads them."""
