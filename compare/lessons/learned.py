"""Lesson 2: knowledge from data. A trained net, and everything by which one looks into it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.lessons import net_plots, toy
from compare.lessons import net_views as views
from compare.lessons.pages import Page, asset, rendered, save
from compare.lessons.results import Results
from compare.lessons.side_by_side import contestants
from compare.lines import present
from images.labelled import LabelledSet

LEAD = (
    "Nobody tells this net what skin is, or that a thigh is straight. It is shown drawings and "
    "their labels, and asked to be less wrong. Afterwards one has to find out what it learned."
)


def build(results: Results, out: Path) -> Page:
    """Build the lesson from the trained net, on the drawn test set.

    Parameters
    ----------
    results : Results
    out : Path
        The site's folder; pictures are written below it.
    """
    from convnet.cli_deconv import last_layer, prepared  # torch takes its time
    from convnet.deconvnet import layers
    from convnet.occlusion_figures import overlay
    from convnet.recipe import Epoch, best

    model = prepared(str(results.run))
    told = json.loads((results.run / "history.json").read_bytes())
    history = told["history"]
    kept = best([Epoch(**epoch) for epoch in history])
    found = views.looked(model, results.drawn)
    judged = views.looked(model, LabelledSet.read(results.validation).split("validation"))
    chosen = views.chosen(found)
    first = found.image(chosen["target with the highest score"])
    names = [*layers(model.net)]
    weights, begun = (views.first_weights(net) for net in (model.net, views.at_the_start(told)))

    seen = {why: views.occluded(model, found.image(index)) for why, index in chosen.items()}
    channels = {layer: views.channels(model, judged, found, layer) for layer in views.CONVOLUTIONS}
    data: dict[str, Any] = {
        "run": {
            "size": model.preprocessing.size,
            "parameters": sum(p.numel() for p in model.net.parameters()),
            "epochs": len(history),
            "best": kept + 1,
            "auc": history[kept]["auc"],
            "threshold": model.threshold,
            "rule": model.threshold_rule,
        },
        "history": history,
        "filters": {
            "count": len(weights),
            "side": weights.shape[2],
            "moved": views.moved(begun, weights),
        },
        "looked": len(found.items),
        "judged": len(judged.items),
        "features": [
            {
                "layer": layer,
                "side": some[0].side,
                "channels": [
                    {
                        "channel": s.channel,
                        "auc": s.auc,
                        "strongest": s.strongest,
                        "weakest": s.weakest,
                        "targets": s.targets,
                        "shown": s.shown,
                    }
                    for s in some
                ],
            }
            for layer, some in channels.items()
            if some
        ],
        "pictures": [
            {
                "why": why,
                "path": found.items[index].path,
                "label": found.items[index].label,
                **views.grid_of(seen[why]),
            }
            for why, index in chosen.items()
        ],
        "patches": {
            "photo_looked": sum(views.on_photograph(item) for item in found.items),
            **{
                key: sum(getattr(s, key) for some in channels.values() for s in some)
                for key in ("shown", "targets", "photo")
            },
        },
        "conv5_sees": views.sees(model, "conv5"),
        "judge": {"threshold": _judges(results)},
        "toy": toy.steps(),
        "cosines": [
            {"relus": views.relus_below(names, layer), **views.cosines(model, first, layer)}
            for layer in views.DEPTHS
        ],
        "last": last_layer(model),
    }
    pictures = {
        "begun": save(views.filters(begun, model.preprocessing), out, lossless=True),
        "filters": save(views.filters(weights, model.preprocessing), out, lossless=True),
        "features": {
            layer: [
                (save(s.patches, out, s.side < 30), save(s.projections, out, s.side < 30))
                for s in some
            ]
            for layer, some in channels.items()
        },
        "seen": [
            {
                "input": save(one.picture, out),
                "covered": save(overlay(one.picture, one.occluded), out),
                "alone": save(overlay(one.picture, one.cropped), out),
            }
            for one in seen.values()
        ],
        "rules": {
            rule: save(drawn, out) for rule, drawn in views.projections(model, first).items()
        },
        "first": save(_inside(model, first), out),
    }
    html = rendered(
        "learned.html.j2",
        data,
        pictures=pictures,
        losses=net_plots.losses(history),
        areas=net_plots.areas(history, kept + 1),
        cosines=net_plots.cosines(data["cosines"]),
        script=asset("windows.js"),
        widest=max(abs(v) for step in _maps(data["toy"]) for row in step for v in row),
    )
    return Page("learned", "2014: knowledge from data", LEAD, html, data)


def _judges(results: Results) -> float | None:
    """Return the threshold that the judge chose for the net, if it chose one."""
    threshold = results.report["scorers"][contestants(results.report)[1]]["threshold"]
    return float(threshold["value"]) if present(threshold) else None


def _inside(model: Any, image: Any) -> Any:
    """Return a picture as the net sees it, without the padding."""
    from convnet.views import view

    seen = view(image, model.preprocessing)
    return np.ascontiguousarray(seen.image[seen.box.slices])


def _maps(steps: Mapping[str, Any]) -> list[Any]:
    return [*steps["up"].values(), *(m for way in steps["down"].values() for m in way.values())]
