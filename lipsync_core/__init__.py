"""Lipsync Studio: text or speech and a face in, a talking video out."""
