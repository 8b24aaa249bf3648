"""The methods, one file each: plain PyTorch modules from images to logits."""
