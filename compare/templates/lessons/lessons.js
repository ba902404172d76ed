"use strict";
// A slider shows one of the answers that stand in its list; without it, and on paper, all are shown.
(() => {
  const menu = document.querySelector(".menu");  // beside the lesson where there is room, else folded
  const wide = window.matchMedia("(min-width: 68rem)");
  const fold = () => { if (menu) menu.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  const light = (picture, fired) => {  // the diagram of the rules, for one picture
    const figure = document.querySelector(`figure[data-case="${picture}"]`);
    for (const part of figure.querySelectorAll("[data-lit-by]")) {
      part.classList.toggle("on", part.dataset.litBy.split(" ").every((name) => fired.includes(name)));
    }
    const names = [...figure.querySelectorAll(".node.on text")].map((text) => text.textContent);
    figure.querySelector("[data-firing]").textContent = names.join(", ") || "nothing";
  };
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
      if (now.dataset.fired !== undefined) light(box.closest("[data-case]").dataset.case, now.dataset.fired.split(" "));
    };
    slider.addEventListener("input", show);
    for (const back of box.querySelectorAll("[data-back]")) {
      back.addEventListener("click", () => { slider.value = slider.defaultValue; show(); });
    }
    show();
  }
  // A box that is wider than the page says so; the style has the words.
  const cut = new ResizeObserver((boxes) => requestAnimationFrame(() => {
    for (const { target } of boxes) target.classList.toggle("cut", target.scrollWidth > target.clientWidth);
  }));
  for (const box of document.querySelectorAll(".wide, .fifths, .scroll, pre")) cut.observe(box);
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
    for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
  });
})();
