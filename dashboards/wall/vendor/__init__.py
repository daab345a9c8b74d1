"""What the page takes from others, as they published it, with their licences; `SHA256SUMS` says what each file must be."""
