"""How training went, as a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from convnet.recipe import Epoch, best


def learning_curves(history: Sequence[Epoch], title: str) -> Figure:
    """Draw the losses and the AUC over the epochs, the best one marked.

    Parameters
    ----------
    history : sequence of Epoch
        At least one.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, quality = figure.subplots(1, 2)
    epochs, chosen = range(1, len(history) + 1), best(history)
    losses.plot(epochs, [e.loss for e in history], ".-", color="0.6", label="training, varied")
    losses.plot(epochs, [e.validation_loss for e in history], ".-", color="C0", label="validation")
    losses.set(xlabel="epoch", ylabel="mean loss, classes weighing the same")
    losses.legend()
    quality.plot(epochs, [e.auc for e in history], ".-", color="C0")
    quality.plot(chosen + 1, history[chosen].auc, "o", color="C3", label=f"epoch {chosen + 1}")
    quality.set(xlabel="epoch", ylabel="AUC on the validation set")
    quality.legend(title=f"kept: {history[chosen].auc:.3f}", loc="lower right")
    for axes in (losses, quality):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    return figure
