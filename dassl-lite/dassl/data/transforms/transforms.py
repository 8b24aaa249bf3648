"""The transforms that torchvision does not have. All take and return (channels, height, width)."""

import torch


class Cutout:
    """Sets `n_holes` squares with sides of `length` pixels to zero; they may reach outside."""

    def __init__(self, n_holes: int = 1, length: int = 16) -> None:
        self.n_holes = n_holes
        self.length = length

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        _, height, width = img.shape
        img = img.clone()
        for _ in range(self.n_holes):
            rows = self._side(height)
            columns = self._side(width)
            img[:, rows, columns] = 0
        return img

    def _side(self, size: int) -> slice:
        centre = int(torch.randint(size, ()))
        return slice(max(centre - self.length // 2, 0), centre + self.length // 2)


class GaussianNoise:
    """Adds noise to every pixel, with probability `p`."""

    def __init__(self, mean: float = 0.0, std: float = 0.15, p: float = 0.5) -> None:
        self.mean = mean
        self.std = std
        self.p = p

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        if torch.rand(()) > self.p:
            return img
        return img + torch.randn_like(img) * self.std + self.mean


class InstanceNormalization:
    """Gives each channel of the image mean 0 and standard deviation 1."""

    def __init__(self, eps: float = 1e-8) -> None:
        self.eps = eps

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        std, mean = torch.std_mean(img, dim=(1, 2), keepdim=True)
        return (img - mean) / (std + self.eps)
