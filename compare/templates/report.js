"use strict";
// Moves the sliders of "At your prevalence"; without it the tables below them say the same.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const thin = "\u202f";
  const live = document.querySelector(".live");
  const share = document.getElementById("share");

  // Written as compare/wording.py writes them.
  const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, thin);
  const percent = (value) => {
    const hundredths = value * 100;
    if (hundredths > 0 && hundredths < 0.001) return `<${thin}0.001${thin}%`;
    const small = hundredths > 0 && hundredths < 1;
    return (small ? hundredths.toPrecision(2) : hundredths.toFixed(1)) + thin + "%";
  };

  const precision = (recall, fpr, prevalence) => {
    const hits = prevalence * recall;
    const marked = hits + (1 - prevalence) * fpr;
    return marked ? hits / marked : null;
  };

  const place = (svg, x, y) => {
    const { left, top, width, height } = svg.dataset;
    return [Number(left) + x * Number(width), Number(top) + (1 - y) * Number(height)];
  };
  const sliding = data.scorers.filter((scorer) => scorer.start !== null); // the others have no threshold
  const plots = Object.fromEntries(
    [...live.querySelectorAll("[data-live]")].map((figure) => [
      figure.dataset.live, figure.querySelector("svg.plot"),
    ]),
  );
  const move = (svg, index, x, y) => {
    const mark = svg.querySelector(`[data-mark="${index}"]`);
    if (mark) mark.setAttribute("transform", `translate(${place(svg, x, y).join(" ")})`);
  };

  const drawPrecision = (scorer, prevalence) => {
    const corners = [];
    let before = 0;
    scorer.tp.forEach((tp, i) => {
      if (tp + scorer.fp[i] === 0) return;
      const recall = tp / scorer.targets;
      const y = precision(recall, scorer.fp[i] / scorer.controls, prevalence);
      corners.push(place(plots.pr, before, y), place(plots.pr, recall, y));
      before = recall;
    });
    const line = plots.pr.querySelector(`[data-line="${scorer.index}"]`);
    line.setAttribute("d", "M" + corners.map((point) => point.map((v) => v.toFixed(2)).join(",")).join(" "));
  };

  const showScorer = (scorer) => {
    const box = live.querySelector(`[data-scorer="${scorer.index}"]`);
    const slider = box.querySelector("input");
    const k = Number(slider.value);
    const [tp, fp] = [scorer.tp[k], scorer.fp[k]];
    const [recall, fpr] = [tp / scorer.targets, fp / scorer.controls];
    const found = precision(recall, fpr, data.prevalences[share.value]);
    const words = {
      threshold: scorer.words[k],
      tp: count(tp), fp: count(fp), fn: count(scorer.targets - tp), tn: count(scorer.controls - fp),
      recall: percent(recall), fpr: percent(fpr),
      precision: found === null ? "–" : percent(found),
    };
    for (const [name, text] of Object.entries(words)) {
      box.querySelector(`[data-out="${name}"]`).textContent = text;
    }
    slider.setAttribute("aria-valuetext", `${words.threshold}: recall ${words.recall}, false positive rate ${words.fpr}`);
    move(plots.roc, scorer.index, fpr, recall);
    move(plots.pr, scorer.index, recall, found ?? 0);
  };

  const showShare = () => {
    const prevalence = data.prevalences[share.value];
    const words = data.prevalence_words[share.value];
    document.getElementById("share-out").textContent = words;
    share.setAttribute("aria-valuetext", words);
    const [from, to] = [place(plots.pr, 0, prevalence), place(plots.pr, 1, prevalence)];
    plots.pr.querySelector(".chance").setAttribute("d", `M${from.join(",")} ${to.join(",")}`);
    for (const scorer of data.scorers) drawPrecision(scorer, prevalence);
    sliding.forEach(showScorer);
  };

  share.addEventListener("input", showShare);
  for (const scorer of sliding) {
    document.getElementById(`threshold-${scorer.index}`).addEventListener("input", () => showScorer(scorer));
  }
  const unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded.push(...document.querySelectorAll("details:not([open])"));
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded.splice(0)) details.open = false;
  });
  live.hidden = false;
  showShare();
})();
