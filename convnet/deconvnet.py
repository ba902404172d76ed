"""The deconvnet: one activation, all others of its layer set to zero, projected back to pixels.

Upwards a net filters, rectifies, pools and normalises. Downwards each layer has an inverse of
sorts, which needs nothing but the layer and what had come into it, x:

    layer      upwards                         downwards, a signal s
    conv       W * x + b                       s through the transposed filters
    ReLU       max(x, 0)                       max(s, 0): the deconvnet's rule, one of `RECTIFY`
    max pool   the largest x of each window    s added where the largest was, the switch
    LRN        x / d(x) ** beta                s through the transposed Jacobian at x
    linear     W x + b                         s through the transposed matrix

So written, `by_layers` serves any net that is a chain of these. `by_gradient` serves every other:
it is backpropagation, in which only the ReLUs are told to do something else. Each tests the other.
[ZF14, section 2.1]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convnet.models import Model
from convnet.receptive import Field, receptive_field
from convnet.zfnet import ZFNet

Rule = Literal["deconvnet", "guided", "gradient"]
RULES: tuple[Rule, ...] = get_args(Rule)

# Of a signal on its way down through a ReLU, and of where that ReLU had been open, x > 0.
RECTIFY: Mapping[Rule, Callable[[Tensor, Tensor], Tensor]] = {
    "deconvnet": lambda signal, _: signal.clamp(min=0),
    "guided": lambda signal, was_open: signal.clamp(min=0) * was_open,
    "gradient": lambda signal, was_open: signal * was_open,
}


def down(layer: nn.Module, x: Tensor, signal: Tensor, rule: Rule) -> Tensor:
    """Take a signal of the shape of ``layer(x)`` down to the shape of x; batches are welcome."""
    match layer:
        case nn.Conv2d():
            return unfilter(layer, x, signal)
        case nn.ReLU():
            return RECTIFY[rule](signal, x > 0)
        case nn.MaxPool2d():
            return unpool(layer, x, signal)
        case nn.LocalResponseNorm():
            return unnormalise(layer, x, signal)
        case nn.Linear():
            return signal @ layer.weight
        case nn.Flatten():
            return signal.reshape(x.shape)
        case nn.Dropout():
            return signal
    raise ValueError(f"expected a layer that has an inverse, got {type(layer).__name__}")


def unfilter(layer: nn.Conv2d, x: Tensor, signal: Tensor) -> Tensor:
    """Filter with the transposed filters."""
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise ValueError(f"expected a convolution padded by so many zeros, got {layer}")
    # A stride leaves open how large x was: these many rows and columns more than the least.
    more = [
        (size + 2 * padding - dilation * (window - 1) - 1) % stride
        for size, padding, dilation, window, stride in zip(
            x.shape[2:], layer.padding, layer.dilation, layer.kernel_size, layer.stride, strict=True
        )
    ]
    return F.conv_transpose2d(
        signal, layer.weight, None, layer.stride, layer.padding, more, layer.groups, layer.dilation
    )


def unpool(layer: nn.MaxPool2d, x: Tensor, signal: Tensor) -> Tensor:
    """Send each pooled value back to its switch, adding up where windows share one.

    [ZF14]'s windows of 3 x 3 in steps of 2 overlap, so that a large x may be the maximum of up
    to four of them. It is then the cause of all four outputs, and gets all four back. Overwriting,
    as `torch.nn.functional.max_unpool2d` does, keeps one at random and loses the others: the
    result is neither the sum nor deterministic on every device.
    """
    _, switches = F.max_pool2d(
        x,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        ceil_mode=layer.ceil_mode,
        return_indices=True,
    )
    flat = torch.zeros_like(x).flatten(2)
    return flat.scatter_add(2, switches.flatten(2), signal.flatten(2)).reshape(x.shape)


def unnormalise(layer: nn.LocalResponseNorm, x: Tensor, signal: Tensor) -> Tensor:
    """Apply the transposed Jacobian of local response normalisation, at x.

    With d_i = k + alpha / n * (sum of x_j ** 2 over the n channels j around i), it is

        s_i / d_i ** beta  -  2 alpha beta / n * x_i * (sum of s_j x_j / d_j ** (beta + 1)),

    the last sum over the channels j whose windows hold i. Leaving the normalisation out on the way
    down would give every channel another weight than it had on the way up.
    """

    def windows(values: Tensor, before: int, after: int) -> Tensor:
        padded = F.pad(values, (0, 0, 0, 0, before, after))
        return padded.unfold(1, layer.size, 1).sum(dim=-1)

    before, after = layer.size // 2, (layer.size - 1) // 2
    share = layer.alpha / layer.size
    d = layer.k + share * windows(x.square(), before, after)
    through = windows(signal * x / d ** (layer.beta + 1), after, before)
    return signal / d**layer.beta - 2 * share * layer.beta * x * through


# ---- The two ways down

Seed = Callable[[Tensor], Tensor]  # of a layer's output: what to send down, of the same shape


def by_layers(
    chain: nn.Sequential, x: Tensor, layer: str, seed: Seed, rule: Rule
) -> tuple[Tensor, Tensor]:
    """Go up through a chain to a layer, and down again by each layer's inverse.

    Returns
    -------
    output, projection : Tensor
        Of the layer, and of the shape of x.

    Raises
    ------
    ValueError
        If a layer on the way has no inverse here.
    """
    with torch.no_grad():
        passed = []
        for name, module in chain.named_children():
            passed.append((module, x))
            x = module(x)
            if name == layer:
                break
        output, signal = x, seed(x)
        for module, x in reversed(passed):
            signal = down(module, x, signal, rule)
    return output, signal


def by_gradient(
    net: nn.Module, x: Tensor, layer: str, seed: Seed, rule: Rule
) -> tuple[Tensor, Tensor]:
    """Backpropagate from a layer of any net, its ReLUs following the rule; as `by_layers`.

    The ReLUs must be `torch.nn.ReLU` modules, not in place: nobody outside can tell a function what
    to do. The net is left as it was, also if something on the way raises.
    """

    def rectify(_: nn.Module, inputs: tuple[Tensor], y: Tensor) -> Tensor:
        if rule == "deconvnet":  # the same numbers on the way up, open everywhere on the way down
            y = y.detach() + (inputs[0] - inputs[0].detach())
        if rule != "gradient":
            y.register_hook(lambda signal: signal.clamp(min=0))  # type: ignore[no-untyped-call]
        return y

    relus = [module for module in net.modules() if isinstance(module, nn.ReLU)]
    hooks = [relu.register_forward_hook(rectify) for relu in relus]
    try:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            output = output_of(net, x, layer)
    finally:
        for hook in hooks:
            hook.remove()
    (projection,) = torch.autograd.grad(output, x, seed(output.detach()))
    return output.detach(), projection


def output_of(net: nn.Module, x: Tensor, layer: str) -> Tensor:
    """Return what comes out of a layer while the net, whichever it is, looks at x."""
    outputs = list[Tensor]()
    module = body(net).get_submodule(layer)
    hook = module.register_forward_hook(lambda _, __, y: outputs.append(y))
    try:
        net(x)
    finally:
        hook.remove()
    return outputs[0]


# ---- What a user calls


@dataclass(frozen=True, eq=False)
class Projection:
    """What of the input one activation rests on, by one rule.

    Attributes
    ----------
    pixels : ndarray (3, S, S), float32
        In units of the input for one unit of activation: times `activation` it is the signal that
        [ZF14] sends down, and by the rule ``gradient`` it is the gradient. Channels are in the
        order of the net's input.
    layer, channel, unit : str, int, (int, int)
        Where it starts; the unit is (row, col) in the layer's map, (0, 0) where that has no places.
    activation : float
        Of the unit.
    field : Field
        Its receptive field, in input pixels, and beyond where convolutions pad; outside of it,
        `pixels` are zero.
    rule : str
        ``deconvnet``, ``guided`` or ``gradient``.
    """

    pixels: npt.NDArray[np.float32]
    layer: str
    channel: int
    unit: tuple[int, int]
    activation: float
    field: Field
    rule: Rule


def deconvnet(
    model: Model | nn.Module,
    x: Tensor,
    layer: str,
    channel: int,
    unit: tuple[int, int] | None = None,
    rule: Rule = "deconvnet",
) -> Projection:
    """Project one activation, with all others of its layer set to zero, back to pixels.

    Parameters
    ----------
    model : Model or Module
        In evaluation mode. A `ZFNet` goes `by_layers`, any other net, such as a residual one,
        `by_gradient`.
    x : Tensor (1, 3, S, S)
        One picture as the net takes it.
    layer, channel : str, int
        One of `layers`; a channel of its output. The last layer's channels are the classes.
    unit : (int, int), optional
        (row, col) in the layer's map; left out, where the channel is strongest.
    rule : str
        What a ReLU does to the signal: ``deconvnet`` [ZF14] keeps what is positive in it;
        ``gradient`` keeps it where the ReLU was open, which makes the whole exactly the gradient;
        ``guided`` does both. The first is thus not the gradient, nor near it.

    Raises
    ------
    ValueError
        If there is no such layer, channel, unit or rule, or x is not one picture.
    """
    net = model.net if isinstance(model, Model) else model
    _expect(net, x, layer, rule)

    def seed(output: Tensor) -> Tensor:
        one = torch.zeros_like(output)
        _maps(one)[channel, *_place(output, channel, unit)] = 1
        return one

    if isinstance(net, ZFNet):
        output, signal = by_layers(net.layers, x, layer, seed, rule)
    else:
        output, signal = by_gradient(net, x, layer, seed, rule)
    row, col = _place(output, channel, unit)
    return Projection(
        signal[0].cpu().numpy(),
        layer,
        channel,
        (row, col),
        float(_maps(output)[channel, row, col]),
        receptive_field(body(net), layer, (row, col), x.shape[2]),
        rule,
    )


def layers(net: nn.Module) -> dict[str, nn.Module]:
    """Name a net's layers, the modules that have no parts, in their order; the last is logits."""
    parts = body(net).named_modules()
    return {name: module for name, module in parts if not any(module.children())}


def expect_layer(net: nn.Module, layer: str) -> None:
    """Raise `ValueError`, with the likeliest names, if a net has no such layer."""
    if layer not in layers(net):
        near = get_close_matches(layer, layers(net), n=5) or list(layers(net))[:8]
        raise ValueError(f"expected a layer of the net, such as {', '.join(near)}, got {layer!r}")


def body(net: nn.Module) -> nn.Module:
    """Return the module of which the layers' names are counted from: without ``layers.``."""
    return net.layers if isinstance(net, ZFNet) else net


def _maps(output: Tensor) -> Tensor:
    """(C, h, w) of a layer's output for one picture; what has no places has one."""
    return output[0].reshape(output.shape[1], *(output.shape[2:] or (1, 1)))


def _place(output: Tensor, channel: int, unit: tuple[int, int] | None) -> tuple[int, int]:
    maps = _maps(output)
    channels, height, width = maps.shape
    if not 0 <= channel < channels:
        raise ValueError(f"expected a channel from 0 to {channels - 1}, got {channel}")
    if unit is None:
        row, col = divmod(int(maps[channel].argmax()), width)
        return row, col
    if not (0 <= unit[0] < height and 0 <= unit[1] < width):
        raise ValueError(
            f"expected a unit (row, col) in {height} rows and {width} columns, got {unit}"
        )
    return unit


def _expect(net: nn.Module, x: Tensor, layer: str, rule: str) -> None:
    if rule not in RULES:
        raise ValueError(f"expected a rule {', '.join(RULES)}, got {rule!r}")
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[2] != x.shape[3]:
        raise ValueError(f"expected one square picture (1, channels, S, S), got {tuple(x.shape)}")
    expect_layer(net, layer)
    if net.training:
        raise ValueError("expected a net in evaluation mode, got one in training; call net.eval()")
