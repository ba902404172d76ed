"use strict";
// A slider shows one of the answers that stand in its list; without it, and on paper, all are shown.
(() => {
  const menu = document.querySelector(".menu");  // beside the lesson where there is room, else folded
  const wide = window.matchMedia("(min-width: 68rem)");
  const fold = () => { if (menu) menu.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  for (const box of document.querySelectorAll("[data-slider]")) {
    const slider = box.querySelector("input[type=range]");
    const output = box.querySelector("output");
    const stops = [...box.querySelectorAll("[data-stop]")];
    const show = () => {
      const now = stops[Number(slider.value)];
      for (const stop of stops) stop.hidden = stop !== now;
      output.replaceChildren(...[...now.querySelector("[data-value]").childNodes].map((node) => node.cloneNode(true)));
      slider.setAttribute("aria-valuetext", `${output.textContent.trim()}. ${now.dataset.says}`);
      for (const plot of document.querySelectorAll(box.dataset.markOf ? "[data-plot]" : "none")) {
        const mark = plot.querySelector(`[data-mark="${box.dataset.markOf}"]`);
        const place = now.dataset[plot.dataset.plot];
        if (mark) mark.setAttribute("transform", `translate(${place})`);
      }
    };
    slider.addEventListener("input", show);
    for (const back of box.querySelectorAll("[data-back]")) {
      back.addEventListener("click", () => { slider.value = slider.defaultValue; show(); });
    }
    show();
  }
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
    for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
  });
})();
